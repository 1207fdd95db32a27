"""Scorers without weights: what can be measured on any picture. Images are (N,3,H,W) in [-1,1], clamped first.

They label runs of generators that no network here knows, and stand beside a learned scorer as a witness that was not
trained with it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig

_REC_601 = (0.299, 0.587, 0.114)  # Rec. 601, for gamma-encoded values


def luminance(picture: Tensor) -> Tensor:
    """(N,3,H,W) in [0,1] -> (N,) mean luminance in [0,1]."""
    return _grey(picture).mean(dim=(1, 2))


def warmth(picture: Tensor) -> Tensor:
    """(N,3,H,W) in [0,1] -> (N,) mean of red minus blue, in [-1,1]."""
    return (picture[:, 0] - picture[:, 2]).mean(dim=(1, 2))


def edge_density(picture: Tensor) -> Tensor:
    """(N,3,H,W) in [0,1] -> (N,) mean length of the luminance's forward difference, per pixel, in [0,sqrt 2]."""
    grey = _grey(picture)
    down, right = grey[:, 1:, :-1] - grey[:, :-1, :-1], grey[:, :-1, 1:] - grey[:, :-1, :-1]
    # The square root has no slope at 0; a flat region must not make the gradient NaN.
    return (down.square() + right.square() + 1e-12).sqrt().mean(dim=(1, 2))


def daylight(picture: Tensor) -> Tensor:
    """(N,3,H,W) in [0,1] -> (N,) share of the picture that is bright and bluer than red, softly counted, in [0,1].

    Sky, and windows by day: in the embedded rooms it picks out their panes, with a trace of the whitest lamps.
    """
    red, _, blue = picture.unbind(dim=1)
    bright, bluish = (24 * (blue - 0.8)).sigmoid(), (24 * (blue - red)).sigmoid()
    return (bright * bluish).mean(dim=(1, 2))


def _grey(picture: Tensor) -> Tensor:
    """(N,3,H,W) -> (N,H,W) luminance."""
    return torch.einsum("nchw,c->nhw", picture, picture.new_tensor(_REC_601))


class ImageStatistic(nn.Module):
    """A statistic as a `Scorer`; differentiable, of any image size.

    Args:
        attribute: its name.
        measure: (N,3,H,W) in [0,1] -> (N,).
        score_range: least and greatest value.
    """

    def __init__(self, attribute: str, measure: Callable[[Tensor], Tensor], score_range: tuple[float, float]) -> None:
        super().__init__()
        self.attribute = attribute
        self.measure = measure
        self.score_range = score_range

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`."""
        return self.measure((image.clamp(-1, 1) + 1) / 2)


STATISTICS: dict[str, tuple[Callable[[Tensor], Tensor], tuple[float, float]]] = {
    "luminance": (luminance, (0.0, 1.0)),
    "warmth": (warmth, (-1.0, 1.0)),
    "edge_density": (edge_density, (0.0, 2**0.5)),
    "daylight": (daylight, (0.0, 1.0)),
}
"""Name -> (measure, its least and greatest value)."""


def statistic_scorer(name: str, _config: ScorerConfig) -> ImageStatistic:
    """The statistic of this name; it reads no file and has no settings."""
    measure, score_range = STATISTICS[name]
    return ImageStatistic(name, measure, score_range)
