"""Small generators of both architectures with every parameter drawn, so that no bias or noise hides behind a zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from higan_cam.generate import StyleGAN, StyleGAN2
from higan_cam.generate.base import StyleBasedGenerator

SMALL: dict[str, Any] = {
    "resolution": 32,
    "z_dim": 16,
    "w_dim": 24,
    "mapping_layers": 3,
    "mapping_width": 20,
    "channels": (12, 10, 8, 6),
    "truncation_psi": 0.6,
    "truncation_layers": 4,
}


def small(factory: Callable[..., StyleBasedGenerator], **changes: Any) -> StyleBasedGenerator:
    """A 32 px float64 generator with random parameters, noise and mean code, the same ones every time."""
    generator = factory(**SMALL | changes).double()
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            scale = 100 if "mapping" in name else 0.5
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64) * scale)
        for name, buffer in generator.named_buffers():
            if name.endswith("noise"):
                buffer.copy_(torch.randn(buffer.shape, generator=draw, dtype=torch.float64))
        generator.truncation.w_avg.copy_(torch.randn(24, generator=draw, dtype=torch.float64))
    return generator.eval().requires_grad_(False)


@pytest.fixture(params=[StyleGAN, StyleGAN2], ids=["stylegan", "stylegan2"])
def generator(request: pytest.FixtureRequest) -> StyleBasedGenerator:
    """Each architecture in turn."""
    return small(request.param)


@pytest.fixture
def z() -> torch.Tensor:
    """(3,16) latents."""
    return torch.randn(3, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
