"""Combine codes or edits: rows of one code in another (StyleGAN style mixing), a straight line between two, a weighted
sum of several boundaries.

Shapes: S and N batches, L rows of w+, D code dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.manipulate.edit import edit_direction
from higan_cam.types import Boundary, Edit


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


def combined_direction(parts: Sequence[tuple[Boundary, Edit, float]], like: Tensor) -> Tensor:
    """(L,D) change of w+ per unit distance along several boundaries at once: the weighted sum of their directions.

    Args:
        parts: boundary, its edit (layers and strength; the distance does not count), weight.
        like: (...,L,D) codes whose shape, dtype and device the direction must fit.

    Raises:
        ConfigError: no boundary, or one that does not fit the codes.
    """
    if not parts:
        raise ConfigError("an edit needs one boundary or more")
    return torch.stack([weight * edit_direction(boundary, edit, like) for boundary, edit, weight in parts]).sum(dim=0)


def rows_at(low: int, high: int, layer_resolutions: Sequence[int], rows: int) -> tuple[int, ...]:
    """The w+ rows whose layers draw at `low` to `high` pixels, both included.

    Row l drives layer l; rows beyond the last layer (StyleGAN2's last colour layer) count as of its resolution.

    Raises:
        ConfigError: no row is in that range.
    """
    sides = [layer_resolutions[min(row, len(layer_resolutions) - 1)] for row in range(rows)]
    taken = tuple(row for row, side in enumerate(sides) if low <= side <= high)
    if not taken:
        raise ConfigError(f"no row of w+ draws at {low} to {high} px; the generator has {sorted(set(sides))} px")
    return taken
