"""A small real generator, scorers whose answers are known, and pairs of codes for the tests of mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2

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


@pytest.fixture(scope="session")
def generator() -> StyleGAN2:
    """StyleGAN2 of 16 px: 6 w+ rows, 5 layers (4, 8, 8, 16, 16 px), 12 channels; parameters still want gradients."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StyleGAN2(
            resolution=16, z_dim=8, w_dim=8, mapping_layers=1, mapping_width=8, channels=(12, 12, 12)
        ).eval()


@pytest.fixture(scope="session")
def pair(generator: StyleGAN2) -> Pair:
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        middle = generator.truncate(generator.map(torch.randn(3, 8, generator=source)))
    step = torch.zeros_like(middle)
    step[:, EDITED] = 0.3 * torch.randn(8, generator=source)
    return Pair(middle - step, middle + step)
