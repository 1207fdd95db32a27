"""Which augmentation of the training pictures shows in the samples: a small network that learns to see each.

It is trained on the user's own training pictures, with augmentations planted and, most of them, spoilt as a poor
generator spoils them, so that being poor is no augmentation. What it can tell it says itself, on pictures that it has
not seen: of pictures that are as likely mirrored, nobody can tell a flip. And it learns to see ruined pictures, of
which nothing can be said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.train.gan.planted import PLANTED, plant, ruin, spoil
from higan_cam.train.reader import Reader, fit, looked_at
from higan_cam.train.settings import Report
from higan_cam.types import ByteArray

CHANCE = 0.25
"""Of each augmentation in a picture."""
SPOILT = 0.7
"""Share of the pictures."""
RUINED = 0.12
"""Share of the pictures of which nothing is to be said but that."""
OUTPUTS = (*PLANTED, "ruined")


@dataclass(frozen=True, kw_only=True)
class LeakSettings:
    """Training the detector."""

    output: str
    """Folder of its checkpoint."""
    pictures_sha256: str
    """Of the training pictures: with others it is another detector."""
    steps: int = 1200
    batch: int = 32
    learning_rate: float = 2e-3
    seed: int = 0
    checkpoint_every: int = 300


def fit_detector(settings: LeakSettings, pictures: ByteArray, report: Report) -> Reader:
    """Train the detector, resuming from the checkpoint in `settings.output`; outputs as `OUTPUTS`.

    Args:
        pictures: (N,S,S,3) uint8, S a multiple of 8: training pictures as the generator's trainer reads them.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings or pictures.
    """
    images = looked_at(pictures)

    def lessons(draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        return planted_batch(images, settings.batch, draw)

    return fit("leaks", settings, lessons, (images.shape[3], len(OUTPUTS)), report)


def planted_batch(images: Tensor, count: int, draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(count,3,S,S) pictures with augmentations, most spoilt and some ruined; (count,6) which; (count,6) what counts.

    Of a ruined picture it need not say what else it is.
    """
    chosen, others = (torch.from_numpy(draw.integers(0, len(images), count)) for _ in range(2))
    which, spoilt, ruined = (
        torch.from_numpy(draw.random(shape, np.float32) < chance)
        for shape, chance in (((count, len(PLANTED)), CHANCE), ((count, 1, 1, 1), SPOILT), ((count, 1), RUINED))
    )
    shown = plant(images[chosen], which, draw)
    shown[ruined[:, 0]] = ruin(shown[ruined[:, 0]], draw)
    shown = torch.where(spoilt, spoil(shown, images[others], draw), shown)
    counts = torch.cat([~ruined.expand_as(which), torch.ones_like(ruined)], dim=1)
    return shown, torch.cat([which, ruined], dim=1).float(), counts.float()
