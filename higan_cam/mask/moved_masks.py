"""What a mask of no knowledge would hold: the sample's own mask, moved elsewhere at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from higan_cam.types import BoolArray

_STREAM = (0, 0, 0, 1)
"""Counter that the draws start from: latents have the same keys and start from zero, 2^192 blocks away."""


def moved_masks(masks: BoolArray, indices: Sequence[int], seed: int) -> BoolArray:
    """Each mask shifted down and right by uniformly random numbers of pixels; what leaves the picture re-enters.

    So the area is the same to the pixel, and the shapes are, but for what the border cuts. A large mask overlaps its
    moved copy by chance, as any mask of its area would. One Philox stream per sample, keyed by (seed, index).

    Args:
        masks: (N,H,W).
        indices: N sample numbers.
        seed: of the run.

    Returns:
        (N,H,W); row k depends on (mask k, index k, seed) alone.
    """
    moved = np.empty_like(masks)
    for row, index in enumerate(indices):
        source = np.random.Generator(np.random.Philox(counter=_STREAM, key=(seed, index)))
        down, right = source.integers(0, masks.shape[1:])
        moved[row] = np.roll(masks[row], (down, right), axis=(0, 1))
    return moved
