"""A resumable upload to Google Cloud Storage: parts in order, to a URL that the server makes up for it.

That URL lets whoever has it write, so it is in no message, log or repr. After a fault the server is asked how far the
upload got, and it goes on from there.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from higan_cam.config import StoreConfig
from higan_cam.store.places.gcs_client import GcsClient
from higan_cam.store.places.retrying import RequestError, Retrying

_QUANTUM = 256 * 2**10
"""Every part but the last is a multiple of so many bytes."""
_CANCEL_S = 5.0
_CANCELLED = (499, 200, 204, 404, 410)
_AGAIN = "start again, the run goes on where it stopped"
_log = logging.getLogger(__name__)


@dataclass
class ResumableUpload:
    """One object on its way.

    Attributes:
        client: sends one request at a time.
        path: "bucket/key", for messages.
        body: the object.
        md5: its digest, base64.
        settings: bytes of a part, and for how long to try each request again.
    """

    client: GcsClient
    path: str
    body: bytes = field(repr=False)
    md5: str
    settings: StoreConfig
    _url: str = field(default="", init=False, repr=False)

    @property
    def begun(self) -> bool:
        """Whether the server has made up a URL for it."""
        return bool(self._url)

    def send(self, where: str, described: dict[str, str], condition: dict[str, str]) -> None:
        """All of it; whatever goes wrong, the upload is cancelled.

        Args:
            where: path on the server that begins an upload.
            described: the object's resource.
            condition: of the upload, as query parameters; a condition that is not met is a `RequestError` 412.
        """
        retrying, received = Retrying(self.settings.retry_s), 0
        self._url = retrying.call(f"begin {self.path}", lambda _: self._begin(where, described, condition))
        try:
            while received < len(self.body):
                received = retrying.call(f"write {self.path}", partial(self._advance, received))
        except BaseException:
            self._cancel()
            raise

    def _begin(self, where: str, described: dict[str, str], condition: dict[str, str]) -> str:
        answer = self.client.request(
            "POST",
            where,
            params={"uploadType": "resumable", **condition},
            headers={
                "Content-Type": "application/json; charset=UTF-8",
                "X-Upload-Content-Type": described["contentType"],
                "X-Upload-Content-Length": str(len(self.body)),
            },
            data=json.dumps(described).encode(),
        )
        if "Location" not in answer.headers:
            raise RequestError("unreadable", "began an upload but was not told where", _AGAIN, transient=True)
        return str(answer.headers["Location"])

    def _advance(self, at: int, attempt: int) -> int:
        """Bytes that the server has after one more part; all of them only once the object is there."""
        total = len(self.body)
        if attempt > 0:
            at = self._put(b"", f"bytes */{total}")
        if at == total:
            return at
        part = self.body[at : at + self.settings.part_bytes // _QUANTUM * _QUANTUM]
        received = self._put(part, f"bytes {at}-{at + len(part) - 1}/{total}")
        if received <= at:
            raise RequestError("308", f"the store took nothing from byte {at} on", _AGAIN, transient=True)
        return received

    def _put(self, part: bytes, content_range: str) -> int:
        headers = {"Content-Range": content_range}
        answer = self.client.request("PUT", self._url, headers=headers, data=part, accept=(200, 201, 308))
        if answer.status_code != 308:
            self._compare(answer)
            return len(self.body)
        received = int(str(answer.headers.get("Range", "bytes=0--1")).rpartition("-")[2]) + 1
        if received >= len(self.body):
            raise RequestError("308", "the store has every byte but no object yet", _AGAIN, transient=True)
        return received - received % _QUANTUM

    def _compare(self, answer: Any) -> None:
        try:
            md5 = answer.json().get("md5Hash")
        except ValueError:
            md5 = None
        if md5 != self.md5:
            said = f"sent bytes with MD5 {self.md5}, the store holds some with {md5}"
            raise RequestError("digest", said, "is another run writing there?", transient=False)

    def _cancel(self) -> None:
        try:
            brief = Retrying(min(_CANCEL_S, self.settings.retry_s))
            brief.call(f"cancel {self.path}", lambda _: self.client.request("DELETE", self._url, accept=_CANCELLED))
        except RequestError as error:
            _log.warning("%s: unfinished upload not cancelled (%s)", self.path, error.said)
