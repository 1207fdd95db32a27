"""Latents that depend on (seed, index) alone, whatever the shard, batch, worker or order that asks for them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from higan_cam.types import FloatArray

_MASK = 2**64 - 1


def sample_latents(indices: Iterable[int], seed: int, dim: int, normalize: bool = True) -> FloatArray:
    """Standard normal latents, one Philox stream per sample, keyed by (seed, index).

    Args:
        indices: sample numbers, 0 to 2^64 - 1, in any order.
        seed: of the run, 0 to 2^64 - 1.
        dim: length of a latent.
        normalize: scale each to length sqrt(dim), as HiGAN does before mapping (computed in float64).

    Returns:
        (N,dim) float32; row k belongs to the k-th index.
        Equal to `Generator(Philox(key=[seed, index])).standard_normal(dim)` row by row.

    Raises:
        ValueError: dim below 1, or a seed or index out of range.
    """
    keys = [int(index) for index in indices]
    if dim < 1:
        raise ValueError(f"dim must be >= 1, got {dim}")
    for name, value in [("seed", seed), ("index", min(keys, default=0)), ("index", max(keys, default=0))]:
        if not 0 <= value <= _MASK:
            raise ValueError(f"{name} must be in 0..2^64-1, got {value}")
    draws = _draw(keys, seed, dim)
    if normalize:
        draws *= np.sqrt(dim) / np.linalg.norm(draws, axis=1, keepdims=True)
    latents: FloatArray = draws.astype(np.float32)
    return latents


def _draw(keys: list[int], seed: int, dim: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(N,dim) float64 draws. One bit generator is re-keyed per sample: a new one each costs several times as much."""
    bits = np.random.Philox(key=[0, 0])
    fresh = bits.state
    key = fresh["state"]["key"]
    generator = np.random.Generator(bits)
    draws = np.empty((len(keys), dim))
    key[0] = seed
    for row, index in enumerate(keys):
        key[1] = index
        bits.state = fresh
        generator.standard_normal(out=draws[row])
    return draws
