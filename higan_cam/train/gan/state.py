"""A generator and its discriminator in training: what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import nn

from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.gan.discriminators import Discriminator, discriminator_of
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.transfer import freeze, loaded

NUMBERS = ("path_mean", "chance", "sign", "signs", "judged")
"""Of a state, beside `step`: a checkpoint holds them."""


@dataclass
class GanState(Parts):
    """What training changes.

    Attributes:
        generator, discriminator: the weights that move; averaged: the generator's moving average, which ships.
        path_mean: running mean of the path lengths, 0 where they are not measured.
        chance: of each operation of an adaptive augmentation, in [0,1].
        sign: of D(real), the mean that `chance` was last set by; signs, judged: sum and number of those since.
    """

    generator: nn.Module
    discriminator: nn.Module
    averaged: nn.Module
    of_generator: torch.optim.Optimizer
    of_discriminator: torch.optim.Optimizer
    step: int = 0
    path_mean: float = 0.0
    chance: float = 0.0
    sign: float = 0.0
    signs: float = 0.0
    judged: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the numbers."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "averaged": self.averaged,
            "of_generator": self.of_generator,
            "of_discriminator": self.of_discriminator,
        }

    def snapshot(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {**{name: getattr(self, name) for name in NUMBERS}, **super().snapshot()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot, in place."""
        super().restore(saved)
        for name in NUMBERS:
            setattr(self, name, saved[name])


def start(settings: GanSettings, device: str = "cpu") -> GanState:
    """Step 0 on that device, with seeded random weights, or those of `settings.init`; errors as `loaded`, `freeze`."""
    torch.manual_seed(settings.seed)
    generator, discriminator = loaded(settings) if settings.init else networks(settings)
    freeze(settings, generator, discriminator)
    generator, discriminator = generator.to(device), discriminator.to(device)
    averaged = deepcopy(generator).requires_grad_(False).eval()
    adam = partial(torch.optim.Adam, lr=settings.learning_rate, betas=settings.betas)
    return GanState(generator, discriminator, averaged, adam(_moving(generator)), adam(_moving(discriminator)))


def _moving(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def networks(settings: GanSettings) -> tuple[nn.Module, Discriminator]:
    """Generator and discriminator at random weights."""
    channels = settings.channels or default_channels(settings)
    if settings.network == "dcgan":
        plain = DCGAN(resolution=settings.side, z_dim=settings.z_dim, channels=channels)
        for module in plain.modules():  # the paper's initial weights
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)
        return plain, discriminator_of(settings.network, channels)
    styled = StyleGAN2(
        resolution=settings.side,
        z_dim=settings.z_dim,
        w_dim=settings.z_dim,
        mapping_layers=settings.mapping_layers,
        mapping_width=settings.z_dim,
        channels=channels,
    )
    return cast(nn.Module, styled), discriminator_of(settings.network, channels)


def default_channels(settings: GanSettings) -> tuple[int, ...]:
    """From 4 px up: fewer where there are more pixels."""
    if settings.network == "dcgan":
        sides = settings.side.bit_length() - 3
        return tuple(settings.width * 2 ** (sides - 1 - level) for level in range(sides))
    sides = settings.side.bit_length() - 2
    return tuple(max(8, 64 >> max(0, level - 2)) for level in range(sides))
