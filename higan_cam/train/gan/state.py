"""A generator and its discriminator in training: what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import nn

from higan_cam.generate.base import LayeredGenerator
from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.gan.discriminators import Discriminator
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.steering.colours import without_colour
from higan_cam.train.gan.steering.conditions import Condition
from higan_cam.train.gan.steering.sources import discriminators
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
        second: the discriminator of tiles, where there are two sources.
        condition: what properties that are asked for add to codes, where they are; its optimiser is the generator's.
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
    second: nn.Module | None = None
    of_second: torch.optim.Optimizer | None = None
    condition: Condition | None = None
    averaged_condition: Condition | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the numbers."""
        parts: dict[str, Part] = {
            "generator": self.generator,
            "averaged": self.averaged,
            "of_generator": self.of_generator,
        }
        for name, (network, optimizer) in zip(("discriminator", "second"), self.discriminators, strict=False):
            parts |= {name: network, f"of_{name}": optimizer}
        if self.condition is not None and self.averaged_condition is not None:
            parts |= {"condition": self.condition, "averaged_condition": self.averaged_condition}
        return parts

    @property
    def discriminators(self) -> list[tuple[nn.Module, torch.optim.Optimizer]]:
        """One, or one for each source, with what moves it."""
        first = (self.discriminator, self.of_discriminator)
        return [first] if self.second is None or self.of_second is None else [first, (self.second, self.of_second)]

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
    generator, (discriminator, *others) = loaded(settings) if settings.init else networks(settings)
    if settings.colours == "grey":
        without_colour(generator)
    freeze(settings, generator, discriminator)
    for network in (generator, discriminator, *others):
        network.to(device)
    averaged = deepcopy(generator).requires_grad_(False).eval()
    adam = partial(torch.optim.Adam, lr=settings.learning_rate, betas=settings.betas)
    condition = _condition(settings, generator, device)
    moving = _moving(generator) + ([] if condition is None else list(condition.parameters()))
    state = GanState(generator, discriminator, averaged, adam(moving), adam(_moving(discriminator)))
    if condition is not None:
        state.condition, state.averaged_condition = condition, deepcopy(condition).requires_grad_(False)
    for second in others:
        state.second, state.of_second = second, adam(second.parameters())
    return state


def _condition(settings: GanSettings, generator: nn.Module, device: str) -> Condition | None:
    if not settings.properties:
        return None
    return Condition(len(settings.properties), cast(LayeredGenerator, generator).w_dim).to(device)


def _moving(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def networks(settings: GanSettings) -> tuple[nn.Module, list[Discriminator]]:
    """Generator, and its discriminator or two of them, at random weights."""
    channels = settings.channels or default_channels(settings)
    if settings.network == "dcgan":
        plain = DCGAN(resolution=settings.side, z_dim=settings.z_dim, channels=channels)
        for module in plain.modules():  # the paper's initial weights
            if isinstance(module, nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)
        return plain, discriminators(settings, channels)
    styled = StyleGAN2(
        resolution=settings.side,
        z_dim=settings.z_dim,
        w_dim=settings.z_dim,
        mapping_layers=settings.mapping_layers,
        mapping_width=settings.z_dim,
        channels=channels,
    )
    return cast(nn.Module, styled), discriminators(settings, channels)


def default_channels(settings: GanSettings) -> tuple[int, ...]:
    """From 4 px up: fewer where there are more pixels."""
    if settings.network == "dcgan":
        sides = settings.side.bit_length() - 3
        return tuple(settings.width * 2 ** (sides - 1 - level) for level in range(sides))
    sides = settings.side.bit_length() - 2
    return tuple(max(8, 64 >> max(0, level - 2)) for level in range(sides))
