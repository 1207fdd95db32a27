"""Small generators of every architecture with every parameter drawn, so that no bias or noise hides behind a zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from higan_cam.generate import DCGAN, PGGAN, StyleGAN, StyleGAN2
from higan_cam.generate.base import LayeredGenerator, StyleBasedGenerator

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


SMALL_LATENT: dict[Callable[..., LayeredGenerator], dict[str, Any]] = {
    PGGAN: {"resolution": 32, "z_dim": 16, "channels": (12, 10, 8, 6)},
    DCGAN: {"resolution": 32, "z_dim": 16, "channels": (12, 10, 8)},
}
"""Constructor arguments of the generators without w."""


KINDS = {"stylegan": StyleGAN, "stylegan2": StyleGAN2, "pggan": PGGAN, "dcgan": DCGAN}


def small(factory: Callable[..., StyleBasedGenerator], **changes: Any) -> StyleBasedGenerator:
    """A 32 px float64 generator with random parameters, noise and mean code, the same ones every time."""
    generator = factory(**SMALL | changes)
    draw = draw_weights(generator)
    with torch.no_grad():
        generator.truncation.w_avg.copy_(torch.randn(24, generator=draw, dtype=torch.float64))
    return generator


def small_latent(factory: Callable[..., LayeredGenerator], **changes: Any) -> LayeredGenerator:
    """As `small`, for a generator without w."""
    generator = factory(**SMALL_LATENT[factory] | changes)
    draw_weights(generator)
    return generator


def draw_weights(generator: LayeredGenerator) -> torch.Generator:
    """Give a generator random float64 tensors, eval mode and frozen parameters; returns the stream, to go on with."""
    draw = torch.Generator().manual_seed(5)
    generator.double().eval().requires_grad_(False)
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            scale = 100 if "mapping" in name else 0.5
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64) * scale)
        for name, buffer in generator.named_buffers():
            if name.endswith("noise"):
                buffer.copy_(torch.randn(buffer.shape, generator=draw, dtype=torch.float64))
            elif "running" in name:
                buffer.copy_(torch.rand(buffer.shape, generator=draw, dtype=torch.float64) + 0.5)
    return draw
