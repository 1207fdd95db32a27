"""Move codes along a boundary: one distance, both ends, or a sweep (HiGAN section 3.3).

Row l of w+ moves by distance x strength_l x normal if l is one of the edit's layers, and stays bit for bit otherwise.
Shapes: N batch, L rows of w+ (layers), D code dimension, K distances.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from higan_cam.config import EditConfig, parse_layers
from higan_cam.errors import ConfigError
from higan_cam.types import Boundary, Edit


def plan_edit(config: EditConfig, boundary: Boundary, strength: Sequence[float]) -> Edit:
    """The edit a configuration asks for; `strength` is the generator's `edit_strength`, one factor per w+ row.

    Raises:
        ConfigError: if the layers are malformed, or the generator has none of them.
    """
    layers = parse_layers(config.layers, len(strength), boundary.layers, "edit.layers")
    if not layers:
        raise ConfigError(
            f"edit.layers: boundary {boundary.attribute!r} recommends {boundary.layers}, but the generator has rows "
            f"0-{len(strength) - 1} only; set edit.layers"
        )
    return Edit(distance=config.distance, layers=layers, strength=tuple(strength))


def edit_direction(boundary: Boundary | Tensor, edit: Edit, like: Tensor) -> Tensor:
    """(L,D) change of w+ per unit distance: strength_l x normal on the edit's layers, 0 elsewhere.

    Args:
        boundary: a boundary, or normals as a tensor (D,), or (L,D) with one normal per row.
        like: (...,L,D) codes whose shape, dtype and device the direction must fit.

    Raises:
        ConfigError: if dimension, number of rows, or layers do not fit the codes.
    """
    rows, dimension = like.shape[-2:]
    normal = boundary if isinstance(boundary, Tensor) else torch.as_tensor(boundary.normal)
    if tuple(normal.shape) not in ((dimension,), (rows, dimension)):
        raise ConfigError(
            f"boundary of shape {tuple(normal.shape)} does not fit codes of {rows} rows x {dimension}: it is another "
            "generator's; check generator.weights, or take a boundary that was fitted on this one"
        )
    if len(edit.strength) != rows:
        raise ConfigError(f"edit.strength must have one factor per w+ row ({rows}), got {len(edit.strength)}")
    if any(not 0 <= layer < rows for layer in edit.layers):
        raise ConfigError(f"edit.layers: the codes have rows 0-{rows - 1}, got {edit.layers}")
    scale = [edit.strength[layer] if layer in edit.layers else 0.0 for layer in range(rows)]
    return like.new_tensor(scale)[:, None] * normal.to(like)


def move(w_plus: Tensor, boundary: Boundary | Tensor, edit: Edit) -> Tensor:
    """(N,L,D) codes -> (N,L,D) codes moved by `edit.distance`; arguments and errors as `edit_direction`."""
    return w_plus + edit.distance * edit_direction(boundary, edit, w_plus)


def push(w_plus: Tensor, boundary: Boundary | Tensor, edit: Edit) -> tuple[Tensor, Tensor]:
    """(N,L,D) codes -> their (negative, positive) ends, `edit.distance` to each side of where they are."""
    step = edit.distance * edit_direction(boundary, edit, w_plus)
    return w_plus - step, w_plus + step


def sweep(w_plus: Tensor, boundary: Boundary | Tensor, edit: Edit, distances: Sequence[float]) -> Tensor:
    """(N,L,D) codes and K distances (in place of `edit.distance`) -> (N,K,L,D), in the order given."""
    steps = w_plus.new_tensor(list(distances))[:, None, None]
    return w_plus[:, None] + steps * edit_direction(boundary, edit, w_plus)
