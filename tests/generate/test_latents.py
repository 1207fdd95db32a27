"""Latents depend on (seed, index) alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.generate import sample_latents

WORD = st.integers(0, 2**64 - 1)


@given(st.lists(WORD, max_size=6), WORD, st.integers(1, 40), st.booleans())
def test_every_latent_is_that_of_its_own_philox_stream(
    indices: list[int], seed: int, dim: int, normalize: bool
) -> None:
    latents = sample_latents(indices, seed, dim, normalize)
    assert latents.dtype == np.float32
    assert latents.shape == (len(indices), dim)
    for latent, index in zip(latents, indices, strict=True):
        key = np.array([seed, index], dtype=np.uint64)
        expected = np.random.Generator(np.random.Philox(key=key)).standard_normal(dim)
        if normalize:
            expected *= np.sqrt(dim) / np.linalg.norm(expected)
        np.testing.assert_allclose(latent, expected, rtol=1e-6)


@given(st.permutations(range(20)), st.integers(1, 20))
def test_order_and_subset_do_not_change_a_latent(order: list[int], count: int) -> None:
    whole = sample_latents(range(20), seed=4, dim=8)
    assert np.array_equal(sample_latents(order[:count], seed=4, dim=8), whole[order[:count]])


def test_latents_have_length_sqrt_dim() -> None:
    np.testing.assert_allclose(np.linalg.norm(sample_latents(range(50), 1, 512), axis=1), np.sqrt(512), rtol=1e-6)


def test_unnormalised_latents_are_standard_normal() -> None:
    draws = sample_latents(range(2000), 1, 64, normalize=False)
    assert abs(draws.mean()) < 0.01
    assert abs(draws.std() - 1) < 0.01
    assert abs(np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]) < 0.01


def test_seeds_and_indices_are_not_interchangeable() -> None:
    assert not np.array_equal(sample_latents([2], 3, 8), sample_latents([3], 2, 8))


@pytest.mark.parametrize(
    ("indices", "seed", "dim", "message"),
    [([0], 0, 0, "dim"), ([-1], 0, 4, "index"), ([2**64], 0, 4, "index"), ([0], -1, 4, "seed")],
)
def test_values_out_of_range_are_named(indices: list[int], seed: int, dim: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"{message} must be"):
        sample_latents(indices, seed, dim)
