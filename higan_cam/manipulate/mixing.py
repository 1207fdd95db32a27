"""Combine two sets of codes: take some rows from one (StyleGAN style mixing), or go in a straight line between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from higan_cam.errors import ConfigError


def mix_styles(styles: Tensor, contents: Tensor, layers: Sequence[int]) -> Tensor:
    """Every content code with the given w+ rows replaced by those of every style code.

    Args:
        styles: (S,L,D).
        contents: (N,L,D).
        layers: rows taken from the style.

    Returns:
        (S,N,L,D) codes.

    Raises:
        ConfigError: if the two differ in L or D, or a layer is out of range.
    """
    rows = contents.shape[1]
    if styles.shape[1:] != contents.shape[1:]:
        raise ConfigError(f"mixing needs codes of one shape, got {tuple(styles.shape)} and {tuple(contents.shape)}")
    if any(not 0 <= layer < rows for layer in layers):
        raise ConfigError(f"mixing layers: the codes have rows 0-{rows - 1}, got {tuple(layers)}")
    taken = torch.zeros(rows, 1, dtype=torch.bool, device=contents.device)
    taken[list(layers)] = True
    return torch.where(taken, styles[:, None], contents[None])


def interpolate(source: Tensor, target: Tensor, steps: int) -> Tensor:
    """(N,...) and (N,...) codes -> (N,steps,...) on the straight line, both ends included; one step is the source.

    Raises:
        ConfigError: if the shapes differ or steps < 1.
    """
    if source.shape != target.shape or steps < 1:
        raise ConfigError(
            f"interpolation needs codes of one shape and steps >= 1, got {tuple(source.shape)}, "
            f"{tuple(target.shape)} and {steps}"
        )
    share = torch.linspace(0, 1, steps, dtype=source.dtype, device=source.device)
    share = share.reshape(1, steps, *[1] * (source.dim() - 1))
    return torch.lerp(source[:, None], target[:, None], share)
