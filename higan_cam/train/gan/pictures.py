"""The pictures that a generator is trained on: read once, fitted to the generator's square, kept in memory."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from higan_cam.errors import DataError
from higan_cam.pictures import Fit, Unreadable, fit_square, list_pictures, open_pictures
from higan_cam.train.draws import rows_shown
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.steering.colours import grey
from higan_cam.types import ByteArray, IntArray

log = logging.getLogger(__name__)
MOST_BYTES = 8 * 2**30
"""Of the fitted pictures, in every worker, which needs twice as much while it reads them."""
LEAST = 2


class Source(Protocol):
    """Which pictures: settings of a trainer have it."""

    @property
    def pictures(self) -> str:
        """Folder, archive or table; any URI."""

    @property
    def side(self) -> int:
        """Of the fitted squares, px."""

    @property
    def apart(self) -> int:
        """Pictures that are held out."""

    @property
    def colours(self) -> str:
        """`rgb` or `grey`."""

    @property
    def fit(self) -> Fit:
        """How a picture becomes a square."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """What there is to train on.

    Attributes:
        train, held_out: (N,S,S,3) uint8; held out are every so-many-th of all, in their order.
        sha256: over the fitted pictures, in order.
        unreadable: (name, reason).
    """

    train: ByteArray
    held_out: ByteArray
    sha256: str
    unreadable: tuple[tuple[str, str], ...]


def read_pictures(settings: Source) -> Pictures:
    """Every picture of the source as a square, RGB; what cannot be read is passed over and counted.

    Raises:
        ConfigError: no such source.
        DataError: too few pictures can be read, or more than fit into memory.
    """
    source, squares, lost = open_pictures(settings.pictures), list[ByteArray](), list[tuple[str, str]]()
    size, digest = settings.side**2 * 3, hashlib.sha256()
    for row in list_pictures(settings.pictures):
        found = source.read(row)
        if isinstance(found, Unreadable):
            lost.append((row.key, found.reason))
            continue
        image = grey(found.image) if settings.colours == "grey" else found.image
        squares.append(fit_square(image, settings.side, settings.fit)[0])
        digest.update(squares[-1].tobytes())
        if len(squares) * size > MOST_BYTES:
            raise DataError(
                f"{settings.pictures}: more than {MOST_BYTES // size:,} pictures of {settings.side} px, which are "
                f"{MOST_BYTES // 2**30} GiB; name fewer, or a smaller side"
            )
    for reason, count in Counter(reason for _, reason in lost).most_common():
        log.warning("pictures=%d not read: %s", count, reason)
    if len(squares) < LEAST + settings.apart:
        raise DataError(
            f"{settings.pictures}: {len(squares)} pictures can be read, {settings.apart} are to be held out, and "
            f"{LEAST} or more are needed besides ({len(lost)} cannot be read{_such_as(lost)})"
        )
    every = np.stack(squares)
    del squares  # a second copy of everything
    apart = np.zeros(len(every), bool)
    apart[np.linspace(0, len(every) - 1, settings.apart).astype(int)] = True
    return Pictures(every[~apart], every[apart], digest.hexdigest(), tuple(lost))


def _such_as(lost: list[tuple[str, str]]) -> str:
    return f", such as {lost[0][0]}: {lost[0][1]}" if lost else ""


def shown(settings: GanSettings, count: int, first: int, number: int) -> IntArray:
    """(number,) which of `count` pictures are shown from place `first` of the stream on."""
    return rows_shown(range(first, first + number), count, settings.seed)
