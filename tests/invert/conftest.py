"""A small generator with its codes and pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.generate import StyleGAN2, sample_latents
from higan_cam.invert import CodeStatistics, code_statistics
from tests.support.generators import small


def _within_range() -> StyleGAN2:
    generator = small(StyleGAN2).float()
    assert isinstance(generator, StyleGAN2)
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if ".output" in name and ("bias" in name or ".weight" in name) and "style" not in name:
                parameter.mul_(0.15)
    return generator


@pytest.fixture(scope="session")
def generator() -> StyleGAN2:
    return _within_range()


@pytest.fixture(scope="session")
def statistics(generator: StyleGAN2) -> CodeStatistics:
    return code_statistics(generator, samples=2000)


@pytest.fixture(scope="session")
def codes(generator: StyleGAN2) -> Tensor:
    with torch.no_grad():
        return generator.truncate(generator.map(torch.from_numpy(sample_latents(range(3), 7, generator.z_dim))))


@pytest.fixture(scope="session")
def pictures(generator: StyleGAN2, codes: Tensor) -> Tensor:
    with torch.no_grad():
        return generator.synthesize(codes)[0]
