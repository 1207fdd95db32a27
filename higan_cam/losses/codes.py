"""Losses of a code w+: how far it is from where the generator's codes lie, and how far its rows are apart.

A picture can be met by a code that no latent leads to; edits then do to it what they do to nothing else. Distances are
in standard deviations of each coordinate, as measured on mapped latents (after Zhu et al. 2020, "Improved StyleGAN
embedding: where are the good latents?", by coordinate instead of by principal component).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from higan_cam.losses.pictures import per_picture


class Spread(Protocol):
    """Where a generator's codes lie, row by row and after truncation."""

    @property
    def varies(self) -> Tensor:
        """(L,D) bool, or (D,) for every row alike: the coordinates that vary at all, at least one of them."""
        ...

    def white(self, w_plus: Tensor) -> Tensor:
        """(N,L,D) codes -> (N,L,D) standard deviations from the mean; 0 where nothing varies."""
        ...


def prior(w_plus: Tensor, spread: Spread) -> Tensor:
    """(N,L,D) -> (N,) mean over rows and coordinates that vary of ((w - mean) / deviation)^2.

    0 is the mean code, about 1 a typical one, more is further out than codes lie.
    """
    return _mean_square(spread.white(w_plus), spread)


def delta(w_plus: Tensor, spread: Spread) -> Tensor:
    """(N,L,D) -> (N,) mean over rows and coordinates that vary of (whitened row - whitened mean row)^2.

    0 where all rows are one code w, truncated or not; codes that leave w leave where edits were learned.
    """
    white = spread.white(w_plus)
    return _mean_square(white - white.mean(dim=1, keepdim=True), spread)


def code(w_plus: Tensor, start: Tensor) -> Tensor:
    """(N,L,D) -> (N,) mean squared difference from another code, code units squared."""
    return per_picture((w_plus - start).square())


def code_sum(w_plus: Tensor, start: Tensor) -> Tensor:
    """(N,L,D) -> (N,) sum of squared differences from another code: StyleCLIP's L2, whose paper writes the norm."""
    return (w_plus - start).square().flatten(1).sum(dim=1)


def _mean_square(white: Tensor, spread: Spread) -> Tensor:
    """(N,L,D), 0 in coordinates that never vary -> (N,) means over the others."""
    squares = white.square().flatten(1).sum(dim=1)
    return squares / torch.count_nonzero(spread.varies.expand(white.shape[1:]))
