"""Which pictures cannot be read, found before hours of work depend on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from higan_cam.pictures.decoding import picture_problem
from higan_cam.pictures.nouns import PictureRow, Unreadable
from higan_cam.pictures.source import PictureSource

_WINDOW = 64


def unreadable_rows(source: PictureSource, rows: Iterable[PictureRow]) -> Iterator[tuple[PictureRow, str]]:
    """The rows that cannot be read, with the reason, in order. Reads all of them, a few at once, in bounded memory.

    Raises:
        StoreError: the place does not answer.
    """

    def problem(row: PictureRow) -> str | None:
        content = source.content(row)
        return content.reason if isinstance(content, Unreadable) else picture_problem(content)

    remaining = iter(rows)
    with ThreadPoolExecutor(source.config.connections) as pool:
        while window := list(islice(remaining, _WINDOW)):
            for row, reason in zip(window, pool.map(problem, window), strict=True):
                if reason is not None:
                    yield row, reason
