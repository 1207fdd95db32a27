"""A generator between two sources of pictures: how things are arranged follows one, what they look like the other.

Every sample has two codes, one for the rows of w+ below a side, one for those from it on, and two discriminators. The
first sees it grey, reduced to that side, and without its own brightness and contrast, beside pictures of source A: the
arrangement. The second sees it in tiles that are too small for an arrangement, beside tiles of source B: colours,
light, materials. The split between the two is our own; how well each is followed was not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.train.gan.discriminators import Discriminator, discriminator_of
from higan_cam.train.gan.pictures import Pictures, read_pictures
from higan_cam.train.gan.settings import GanSettings

TILE = 2
"""Side of a tile, in px of the picture that the arrangement is seen in; 8 px of the picture at least."""
FLAT = 1e-2
"""Spread below which a picture's contrast is no more stretched."""


def read_second(settings: GanSettings) -> tuple[GanSettings, Pictures | None]:
    """The pictures of source B, and the settings with what they are; None where there is one source.

    Raises:
        ConfigError: they are no longer those of the settings. Else as `read_pictures`.
    """
    if not settings.second:
        return settings, None
    pictures = read_pictures(replace(settings, pictures=settings.second))
    if settings.second_sha256 not in ("", pictures.sha256):
        raise ConfigError(f"{settings.second}: its pictures have changed since training began; take another output")
    return replace(settings, second_sha256=pictures.sha256), pictures


def discriminators(settings: GanSettings, channels: Sequence[int]) -> list[Discriminator]:
    """One, or that of the arrangement and that of the tiles, at random weights; channels are the generator's."""
    if not settings.second:
        return [discriminator_of(settings.network, channels)]
    levels = [side.bit_length() - 2 for side in (settings.switch_side, tile_side(settings))]
    return [discriminator_of(settings.network, part) for part in (channels[: levels[0]], channels[-levels[1] :])]


def switch_row(side: int) -> int:
    """The first row of w+ that a layer of that side reads: 1 at 8 px, 3 at 16."""
    return 2 * (side.bit_length() - 3) - 1


def tile_side(settings: GanSettings) -> int:
    """Of tiles, px."""
    return max(8, TILE * settings.side // settings.switch_side)


def arrangement(images: Tensor, side: int) -> Tensor:
    """(N,3,S,S) -> (N,3,side,side): grey, three times, means of squares; mean 0 and spread 1/2 in each."""
    grey = F.avg_pool2d(images.mean(dim=1, keepdim=True), images.shape[2] // side)
    grey = grey - grey.mean(dim=(2, 3), keepdim=True)
    spread = (grey.square().mean(dim=(2, 3), keepdim=True) + FLAT**2).sqrt()
    return (grey / (2 * spread)).expand(-1, 3, -1, -1)


def tiles(images: Tensor, side: int, corner: tuple[int, int]) -> Tensor:
    """(N,3,S,S) -> (N (S / side - 1)^2,3,side,side), from `corner` (row, column), 0 to side - 1, on: seams move."""
    across = images.shape[2] - side
    part = images[:, :, corner[0] : corner[0] + across, corner[1] : corner[1] + across]
    cut = part.unfold(2, side, side).unfold(3, side, side)
    return cut.permute(0, 2, 3, 1, 4, 5).reshape(-1, images.shape[1], side, side)


@dataclass(frozen=True)
class Judge:
    """A discriminator, what moves it, and what it sees of pictures."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    view: Callable[[Tensor], Tensor] = lambda images: images


def judges(
    settings: GanSettings, networks: Sequence[tuple[nn.Module, torch.optim.Optimizer]], draws: Tensor
) -> list[Judge]:
    """The discriminators of a step; where tiles begin follows from `draws`, (2,) in [0,1)."""
    if not settings.second:
        return [Judge(*each) for each in networks]
    side = tile_side(settings)
    row, column = (draws.double() * side).floor().long().tolist()
    first, second = networks
    return [
        Judge(*first, partial(arrangement, side=settings.switch_side)),
        Judge(*second, partial(tiles, side=side, corner=(row, column))),
    ]
