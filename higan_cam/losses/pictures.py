"""Losses that compare pixels, or look at one picture's: (N,C,H,W) in [-1,1] -> (N,), a picture at a time."""

from __future__ import annotations

from torch import Tensor

from higan_cam.losses.light import linear_rgb


def per_picture(values: Tensor) -> Tensor:
    """(N,…) -> (N,) means of each picture's own values."""
    return values.flatten(1).mean(dim=1)


def pixel(picture: Tensor, target: Tensor, seen: Tensor | None = None) -> Tensor:
    """Mean squared error of display values, in [0,4]; of values in [0,1] it would be a quarter.

    Args:
        seen: (N,1,H,W) weights in [0,1]: only what is seen counts, and the mean is over that; nothing seen is 0.
    """
    return _mean((picture - target).square(), seen)


def absolute(picture: Tensor, target: Tensor, seen: Tensor | None = None) -> Tensor:
    """Mean absolute error of display values, in [0,2]; `seen` as in `pixel`."""
    return _mean((picture - target).abs(), seen)


def light(picture: Tensor, target: Tensor, seen: Tensor | None = None) -> Tensor:
    """Mean squared error of linear R, G, B, in [0,1]: bright places count for the light they hold; `seen` as there."""
    return _mean((linear_rgb(picture) - linear_rgb(target)).square(), seen)


def colour(picture: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of the channels' means, in [0,4]: the cast of a picture, wherever things are.

    The target may be of another size.
    """
    return (picture.mean(dim=(2, 3)) - target.mean(dim=(2, 3))).square().mean(dim=1)


def total_variation(picture: Tensor) -> Tensor:
    """Mean |difference| of neighbours in y, plus that in x, in [0,4] (after Rudin, Osher, Fatemi 1992, anisotropic).

    The same for the same texture at any size. A side of one pixel has no neighbours and counts 0.
    """
    return sum((_sums(steps) / max(1, steps[0].numel()) for steps in _steps(picture)), start=picture.new_zeros(()))


def total_variation_sum(picture: Tensor) -> Tensor:
    """Sum of |differences| of neighbours in y and in x: grows with the number of pixels."""
    down, right = _steps(picture)
    return _sums(down) + _sums(right)


def _mean(values: Tensor, seen: Tensor | None) -> Tensor:
    if seen is None:
        return per_picture(values)
    total = (values.mean(dim=1, keepdim=True) * seen).flatten(1).sum(dim=1)
    # Below one pixel there is nothing to average over.
    return total / seen.flatten(1).sum(dim=1).clamp(min=1)


def _steps(picture: Tensor) -> tuple[Tensor, Tensor]:
    return picture.diff(dim=2), picture.diff(dim=3)


def _sums(steps: Tensor) -> Tensor:
    return steps.abs().flatten(1).sum(dim=1)
