"""Both ends of an edit, for a batch: the same distance for all samples, or the same scores.

Shapes: N samples, L rows of w+, D code dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.config import EditConfig
from higan_cam.errors import ConfigError
from higan_cam.manipulate.edit import edit_direction, push
from higan_cam.manipulate.targets import reach
from higan_cam.types import BoolArray, Boundary, Edit, FloatArray


@dataclass(frozen=True, eq=False)
class Ends:
    """Where N samples end up.

    Attributes:
        negative, positive: (N,L,D) codes.
        distances: (N,2) signed code units from where the samples are to both ends.
        reached: (N,) whether both ends reached their target scores; True where the edit has none.
    """

    negative: Tensor
    positive: Tensor
    distances: FloatArray
    reached: BoolArray


def fixed_ends(w_plus: Tensor, boundary: Boundary, edit: Edit) -> Ends:
    """`edit.distance` to each side."""
    distances = np.tile(np.array([-edit.distance, edit.distance], np.float32), (len(w_plus), 1))
    return Ends(*push(w_plus, boundary, edit), distances, np.ones(len(w_plus), bool))


def checked_targets(targets: tuple[float, float] | None, score_range: tuple[float, float]) -> tuple[float, float]:
    """The targets. ConfigError: none, or one that the scorer cannot give."""
    lowest, highest = score_range
    if targets is None or not lowest <= targets[0] < targets[1] <= highest:
        raise ConfigError(
            f"edit.targets must be two rising scores within the scorer's {lowest:g} to {highest:g}, got {targets}"
        )
    return targets


def calibrated_ends(
    score: Callable[[Tensor], Tensor],
    w_plus: Tensor,
    boundary: Boundary,
    edit: Edit,
    config: EditConfig,
    score_range: tuple[float, float],
) -> Ends:
    """Where each sample's score reaches `config.targets`, at most `edit.distance` away; see `reach`.

    Args:
        score: (N,L,D) codes -> (N,) scores of their images.
        score_range: of the scorer.

    Raises:
        ConfigError: no targets, or one outside the scorer's range.
    """
    targets = checked_targets(config.targets, score_range)
    direction = edit_direction(boundary, edit, w_plus)
    reached = reach(score, w_plus, direction, targets, most=edit.distance, tolerance=config.tolerance)
    negative, positive = (w_plus + each.distances[:, None, None].to(w_plus) * direction for each in reached)
    distances = torch.stack([each.distances for each in reached], dim=1).cpu().numpy().astype(np.float32)
    return Ends(negative, positive, distances, (reached[0].reached & reached[1].reached).cpu().numpy())
