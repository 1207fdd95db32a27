"""Near duplicates among perceptual hashes: who repeats whom, exactly, without comparing all with all.

In order of index, a sample is kept unless its hash differs in at most `distance` bits from one that is kept already; so
of each set the lowest index stays, whatever order the shards were made or read in.

Hashes are cut into distance + 1 bands. Two hashes that differ in at most `distance` bits agree in at least one band
(pigeonhole), so only samples that share a band are compared. Memory: 32 bytes of hash and 4 per band and sample (about
100 bytes a sample at the default of 16 bits, and what Python's dictionaries add).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from higan_cam.types import ByteArray, IntArray

BITS = 256
_CHUNK = 4096
Words = npt.NDArray[np.uint64]


def first_alike(hashes: ByteArray, distance: int) -> IntArray:
    """(n,32) uint8 hashes in order of index -> (n,) the row of the kept hash that each repeats, -1 for what is kept.

    Among several kept ones in reach, the lowest row.
    """
    words = np.ascontiguousarray(hashes).view(np.uint64).reshape(len(hashes), BITS // 64)
    buckets: list[dict[bytes, array[int]]] = [defaultdict(lambda: array("i")) for _ in range(distance + 1)]
    alike = np.full(len(hashes), -1, np.int64)
    for row, keys in enumerate(_band_keys(hashes, distance + 1)):
        banded = list(zip(buckets, keys, strict=True))
        mates = [bucket[key] for bucket, key in banded if key in bucket]
        alike[row] = _nearest_kept(words, row, mates, distance)
        if alike[row] < 0:
            for bucket, key in banded:
                bucket[key].append(row)
    return alike


def _nearest_kept(words: Words, row: int, mates: list[array[int]], distance: int) -> int:
    """The lowest of the candidate rows whose hash is in reach of this row's, -1 for none."""
    if not mates:
        return -1
    rows = np.concatenate([np.frombuffer(mate, np.int32) for mate in mates])
    close = rows[_bit_count(words[rows] ^ words[row]) <= distance]
    return int(close.min(initial=len(words))) if len(close) else -1


def _band_keys(hashes: ByteArray, bands: int) -> Iterator[list[bytes]]:
    """For each hash its bands of consecutive bits, packed. In chunks: unpacked bits are eight times the hashes."""
    edges = np.linspace(0, BITS, bands + 1).astype(int)
    for start in range(0, len(hashes), _CHUNK):
        bits = np.unpackbits(hashes[start : start + _CHUNK], axis=1)
        parts = [np.packbits(bits[:, low:high], axis=1) for low, high in pairwise(edges)]
        yield from ([part[row].tobytes() for part in parts] for row in range(len(bits)))


def _bit_count(words: Words) -> IntArray:
    """(m,4) 64-bit words -> (m,) bits that are set."""
    if hasattr(np, "bitwise_count"):  # since NumPy 2
        return np.asarray(np.bitwise_count(words).sum(axis=1, dtype=np.int64))
    return np.asarray(np.unpackbits(words.view(np.uint8), axis=1).sum(axis=1, dtype=np.int64))
