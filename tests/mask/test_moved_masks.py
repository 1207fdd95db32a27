"""Moved masks: as large as the mask, elsewhere, and the same for the same sample."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from higan_cam.generate.latents import sample_latents
from higan_cam.mask.moved_masks import moved_masks

SPOT = np.zeros((1, 32, 24), bool)
SPOT[:, 4:9, 10:14] = True


@given(arrays(bool, (2, 5, 8)), st.integers(0, 2**63 - 1))
def test_a_moved_mask_covers_as_many_pixels(masks: np.ndarray, seed: int) -> None:
    np.testing.assert_array_equal(moved_masks(masks, (3, 4), seed).sum(axis=(1, 2)), masks.sum(axis=(1, 2)))


def test_a_sample_gets_the_same_baseline_in_any_batch() -> None:
    masks = np.concatenate([SPOT, np.roll(SPOT, 3, axis=1), SPOT])
    together = moved_masks(masks, (8, 9, 10), 5)
    np.testing.assert_array_equal(moved_masks(masks[1:2], (9,), 5)[0], together[1])


def test_every_place_is_as_likely_as_any_other() -> None:
    """Over 3,000 samples each pixel is covered as often as the area says, within five standard deviations."""
    moved = moved_masks(np.repeat(SPOT, 3_000, axis=0), range(3_000), 0)
    share = SPOT.mean()
    deviation = (share * (1 - share) / 3_000) ** 0.5
    assert abs(moved.mean(axis=0) - share).max() < 5 * deviation


def test_another_seed_or_index_moves_elsewhere() -> None:
    moves = {moved_masks(SPOT, (index,), seed).tobytes() for index in range(5) for seed in range(5)}
    assert len(moves) > 20


def test_the_draws_are_not_those_of_the_latents() -> None:
    """The same key, another part of the stream: the first number of one is not the first number of the other."""
    first = np.random.Generator(np.random.Philox(key=(7, 3))).standard_normal(4, np.float64)
    ours = np.random.Generator(np.random.Philox(counter=(0, 0, 0, 1), key=(7, 3))).standard_normal(4, np.float64)
    latents = sample_latents((3,), 7, 4, normalize=False)[0]
    np.testing.assert_allclose(latents, first, rtol=1e-6)
    assert not np.isclose(ours, first).any()
