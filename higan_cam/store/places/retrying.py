"""The one place where requests to an object store are tried again, and what a failed request says."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 10.0
_JITTER = random.SystemRandom()
_log = logging.getLogger(__name__)
T = TypeVar("T")


class RequestError(Exception):
    """A request that an object store refused or did not answer. Holds no credentials, however it is looked at.

    Attributes:
        code: the server's code or HTTP status, or the client's error type.
        said: code and message in one line.
        fix: what the user can do.
        transient: the same request may succeed later.
    """

    def __init__(self, code: str, said: str, fix: str, transient: bool) -> None:
        super().__init__(code, said, fix, transient)
        self.code, self.said, self.fix, self.transient = code, said, fix, transient

    def __str__(self) -> str:
        return self.said


@dataclass(frozen=True)
class Retrying:
    """Exponential backoff with full jitter: before try n + 1 a random wait of up to 0.2 x 2^n s, at most 10 s.

    Attributes:
        limit_s: no try begins later than this after the first one.
    """

    limit_s: float

    def call(self, what: str, request: Callable[[int], T]) -> T:
        """`request(0)`, again with 1, 2, … while it fails with a transient `RequestError`; its result.

        Args:
            what: verb and object, for the log.
            request: takes the number of tries before this one.

        Raises:
            RequestError: the last one.
        """
        deadline = time.monotonic() + self.limit_s
        attempt = 0
        while True:
            try:
                return request(attempt)
            except RequestError as error:
                wait = _JITTER.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(attempt, 10)))
                if not error.transient:
                    raise
                if time.monotonic() + wait > deadline:
                    said = f"{error.said}; {attempt + 1} tries"
                    raise RequestError(error.code, said, error.fix, error.transient) from None
                _log.warning("%s: %s; try %d in %.1f s", what, error.said, attempt + 2, wait)
            time.sleep(wait)
            attempt += 1


def read_many(read: Callable[[str], bytes | None], paths: list[str], connections: int) -> dict[str, bytes]:
    """{path: bytes} of those that exist, a few requests at once; an error names its path."""

    def one(path: str) -> bytes | None:
        try:
            return read(path)
        except RequestError as error:
            # The caller knows only that it was one of many.
            raise RequestError(error.code, f"{path}: {error.said}", error.fix, error.transient) from None

    with ThreadPoolExecutor(connections) as pool:
        return {path: body for path, body in zip(paths, pool.map(one, paths), strict=True) if body is not None}
