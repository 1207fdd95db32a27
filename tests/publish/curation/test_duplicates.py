"""Near duplicates are found exactly, as if all were compared with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.publish.curation.duplicates import first_alike
from higan_cam.types import ByteArray


def by_hand(hashes: ByteArray, distance: int) -> list[int]:
    """The definition: in order, kept unless within reach of a kept one."""
    bits = np.unpackbits(hashes, axis=1).astype(int)
    alike: list[int] = []
    for row in range(len(bits)):
        kept = [mate for mate in range(row) if alike[mate] < 0]
        alike.append(next((mate for mate in kept if np.abs(bits[row] - bits[mate]).sum() <= distance), -1))
    return alike


def hashes_of(seed: int, count: int, flips: int) -> ByteArray:
    """Random hashes around a few centres, up to `flips` bits away."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (4, 256), dtype=np.uint8)[rng.integers(0, 4, count)]
    for row in bits:
        row[rng.integers(0, 256, rng.integers(0, flips + 1))] ^= 1
    return np.packbits(bits, axis=1)


@settings(max_examples=50)
@given(
    seed=st.integers(0, 999),
    count=st.integers(0, 24),
    flips=st.integers(0, 30),
    distance=st.sampled_from([0, 1, 2, 7, 16, 30, 64]),
)
def test_bands_find_what_comparing_all_with_all_finds(seed: int, count: int, flips: int, distance: int) -> None:
    hashes = hashes_of(seed, count, flips)
    assert first_alike(hashes, distance).tolist() == by_hand(hashes, distance)


def test_a_chain_of_small_steps_is_cut_where_it_leaves_the_kept_one() -> None:
    bits = np.zeros((4, 256), np.uint8)
    for row in range(4):
        bits[row, : 2 * row] = 1
    assert first_alike(np.packbits(bits, axis=1), 2).tolist() == [-1, 0, -1, 2]


def test_more_hashes_than_one_chunk() -> None:
    hashes = np.repeat(hashes_of(5, 10, 200), 500, axis=0)
    alike = first_alike(hashes, 0)
    assert (alike >= 0).sum() == 4990
    assert set(alike[alike >= 0]) == set(np.flatnonzero(alike < 0))


@pytest.mark.parametrize("distance", [0, 16])
def test_no_hashes_no_duplicates(distance: int) -> None:
    assert first_alike(np.zeros((0, 32), np.uint8), distance).tolist() == []
