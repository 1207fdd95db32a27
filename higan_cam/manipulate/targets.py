"""Edits that end at a score rather than at a distance: where, along the boundary, does the score reach a target?

The score along the edit is looked at on a grid of distances; the change of sign of score - target that lies nearest to
the unedited code brackets the answer, and the Illinois variant of false position (Dowell and Jarratt, BIT 11, 1971)
narrows it. Samples are solved together, each on its own path. Shapes: N samples, L rows of w+, D code dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

GRID = 4
"""Grid intervals to each side of the unedited code."""
STEPS = 5
"""Refinements of a bracket; on smooth scores three are enough for a hundredth of a level."""


@dataclass(frozen=True, eq=False)
class Reached:
    """What was found for one target.

    Attributes:
        distances: (N,) signed distances, code units.
        scores: (N,) there.
        reached: (N,) bool: whether the score is within the tolerance of the target. Where it cannot be reached, the
            distance is that of the grid point whose score is nearest.
    """

    distances: Tensor
    scores: Tensor
    reached: Tensor


def reach(
    score: Callable[[Tensor], Tensor],
    w_plus: Tensor,
    direction: Tensor,
    targets: tuple[float, ...],
    *,
    most: float,
    tolerance: float = 0.05,
) -> tuple[Reached, ...]:
    """For each target, the distance nearest to 0 in [-most, most] at which each sample's score is the target.

    Cost: 2 x `GRID` + 1 forward passes, shared by the targets, and `STEPS` for each target.

    Args:
        score: (N,L,D) codes -> (N,) scores of their images; where it is NaN no target is reached.
        w_plus: (N,L,D) codes as they are.
        direction: (L,D) change per unit distance, as `edit_direction` makes it.
        targets: scores.
        most: farthest to each side, code units, > 0.
        tolerance: score units.
    """

    def at(distances: Tensor) -> Tensor:
        return score(w_plus + distances[:, None, None] * direction).float()

    grid = w_plus.new_tensor([most * step / GRID for step in range(-GRID, GRID + 1)]).float()
    scores = torch.stack([at(distance.expand(len(w_plus))) for distance in grid], dim=1)
    return tuple(_solve(at, grid, scores, target, tolerance) for target in targets)


def _solve(at: Callable[[Tensor], Tensor], grid: Tensor, scores: Tensor, target: float, tolerance: float) -> Reached:
    """One target. `scores` is (N,2 GRID+1)."""
    error = scores - target
    nearest = error.abs().nan_to_num(torch.inf, torch.inf).argmin(dim=1, keepdim=True)
    distance, best = grid[nearest[:, 0]], error.gather(1, nearest)[:, 0]
    crossing = error[:, :-1] * error[:, 1:] <= 0
    # interval k lies between grid[k] and grid[k+1]; the one nearest to the unedited code wins
    away = (torch.arange(2 * GRID, device=grid.device) - GRID + 0.5).abs()
    interval = torch.where(crossing, away, torch.inf).argmin(dim=1)
    found = crossing.any(dim=1)
    low, high = grid[interval], grid[interval + 1]
    low_error, high_error = (error.gather(1, (interval + k)[:, None])[:, 0] for k in (0, 1))
    for _ in range(STEPS):
        middle = _false_position(low, high, low_error, high_error)
        middle = torch.where(middle.isfinite(), middle, distance)  # beside a code without a score
        middle_error = at(torch.where(found, middle, distance)) - target
        better = found & (middle_error.abs() < best.abs())
        distance, best = torch.where(better, middle, distance), torch.where(better, middle_error, best)
        same = middle_error * high_error > 0
        # Illinois: the end that stays twice loses half of its weight, so that both ends move.
        low_error = torch.where(same, low_error / 2, high_error)
        low = torch.where(same, low, high)
        high, high_error = middle, middle_error
    return Reached(distance, best + target, best.abs() <= tolerance)


def _false_position(low: Tensor, high: Tensor, low_error: Tensor, high_error: Tensor) -> Tensor:
    """Where the line through both ends is 0; their middle where it is flat."""
    rise = high_error - low_error
    flat = rise.abs() < 1e-12
    return torch.where(flat, (low + high) / 2, high - high_error * (high - low) / torch.where(flat, 1, rise))
