"""Scorers whose answers are known, and the pairs of codes that they look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

FIRST_EDITED = 3


EDITED = (3, 4, 5)


class Pair(NamedTuple):
    """Codes of both ends, (N,L,w_dim) each, that differ on rows `EDITED`."""

    negative: Tensor
    positive: Tensor


@dataclass
class WeightedMean:
    """score = mean over the picture of weight x image, which is linear: its gradient is weight / (H W)."""

    weight: Tensor
    attribute: str = "weighted_mean"
    score_range: tuple[float, float] = (-1.0, 1.0)

    def score(self, image: Tensor) -> Tensor:
        return (image * self.weight).sum(dim=1).mean(dim=(1, 2))


@dataclass
class SmoothScore:
    """score = tanh of the mean square of a 2 x 2 average: smooth and not linear in the image."""

    attribute: str = "smooth"
    score_range: tuple[float, float] = (0.0, 1.0)

    def score(self, image: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(image, 2).square().mean(dim=(1, 2, 3)).tanh()
