"""Which pictures of a listing have the content of an earlier one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from higan_cam.pictures.nouns import PictureRow
from higan_cam.types import IntArray

Marks = npt.NDArray[np.uint64]


def mark_of(row: PictureRow) -> tuple[int, int]:
    """128 bits that two rows share only where their content is the same."""
    halves = hashlib.blake2b(f"{row.bytes} {row.etag}".encode(), digest_size=16).digest()
    return int.from_bytes(halves[:8], "little"), int.from_bytes(halves[8:], "little")


def first_of_each(marks: Sequence[Marks], unknown: IntArray) -> IntArray:
    """For every row the first index with its mark, -1 where that is itself.

    Args:
        marks: (n,2) uint64 each, in the order of the listing.
        unknown: indices of the rows whose content is not known; they equal none.
    """
    every = np.concatenate([*marks, np.zeros((0, 2), np.uint64)])
    order = np.lexsort((every[:, 1], every[:, 0]))  # stable: equal marks stay in the order of their indices
    begins = np.ones(len(order), bool)
    begins[1:] = (every[order[1:]] != every[order[:-1]]).any(axis=1)
    firsts = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]] if len(order) else order
    result: IntArray = np.full(len(order), -1, np.int64)
    repeated = firsts != order
    result[order[repeated]] = firsts[repeated]
    result[unknown] = -1
    return result
