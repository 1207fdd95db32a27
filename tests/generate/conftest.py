"""Generators of every architecture, one by one or by kind."""

from __future__ import annotations

import pytest
import torch

from higan_cam.generate import DCGAN, PGGAN, StyleGAN, StyleGAN2
from higan_cam.generate.base import LayeredGenerator, StyleBasedGenerator
from tests.support.generators import KINDS, SMALL_LATENT, small, small_latent


@pytest.fixture(params=[*KINDS])
def generator(request: pytest.FixtureRequest) -> LayeredGenerator:
    """Each architecture in turn."""
    factory = KINDS[request.param]
    return small_latent(factory) if factory in SMALL_LATENT else small(factory)


@pytest.fixture(params=[StyleGAN, StyleGAN2], ids=["stylegan", "stylegan2"])
def style_based(request: pytest.FixtureRequest) -> StyleBasedGenerator:
    """Each architecture with a mapping network in turn."""
    return small(request.param)


@pytest.fixture(params=[PGGAN, DCGAN], ids=["pggan", "dcgan"])
def latent(request: pytest.FixtureRequest) -> LayeredGenerator:
    """Each architecture without one in turn."""
    return small_latent(request.param)


@pytest.fixture
def z() -> torch.Tensor:
    """(3,16) latents."""
    return torch.randn(3, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
