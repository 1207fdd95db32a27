"""Which augmentation of the training pictures shows in the samples: a small network that learns to see each.

It is trained on the user's own training pictures, with augmentations planted and, most of them, spoilt as a poor
generator spoils them, so that being poor is no augmentation. What it can tell it says itself, on pictures that it has
not seen: of pictures that are as likely mirrored, nobody can tell a flip. And it learns to see ruined pictures, of
which nothing can be said: texture with the spectrum of a training picture, and the parts of one in another order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate import from_uint8
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.gan.planted import PLANTED, plant, ruin, spoil
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend
from higan_cam.train.settings import Report, World
from higan_cam.types import ByteArray, FloatArray

SIDE = 32
"""At which pictures are looked at, px; smaller ones as they are."""
WIDTHS, HIDDEN = (32, 64, 96), 192
CHANCE = 0.25
"""Of each augmentation in a picture."""
SPOILT = 0.7
"""Share of the pictures."""
RUINED = 0.12
"""Share of the pictures of which nothing is to be said but that."""
OUTPUTS = (*PLANTED, "ruined")
PICTURES, CALIBRATION = 0, 1
"""Streams of numbers of a step, each of its own key."""


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


class Reader(nn.Module):
    """Pictures (N,3,S,S) in [-1,1], S a multiple of 8 -> (N,outputs) logits."""

    def __init__(self, side: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential()
        for inputs, width in zip((3, *WIDTHS), WIDTHS, strict=False):
            self.main.extend([nn.Conv2d(inputs, width, 4, 2, 1), nn.ReLU()])
        self.main.append(nn.Flatten())
        self.main.extend([nn.Linear(WIDTHS[-1] * (side // 8) ** 2, HIDDEN), nn.ReLU()])
        self.last = nn.Linear(HIDDEN, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.last(self.main(images))
        return logits


@dataclass
class Learner(Parts):
    """The mutable state of training."""

    reader: Reader
    optimizer: torch.optim.Optimizer
    step: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the step."""
        return {"reader": self.reader, "optimizer": self.optimizer}


def new_learner(side: int, outputs: int, seed: int, device: str = "cpu") -> Learner:
    """At step 0, with seeded random weights."""
    torch.manual_seed(seed)
    reader = Reader(side, outputs).to(device)
    return Learner(reader, torch.optim.Adam(reader.parameters()))


def digest_of(pictures: ByteArray) -> str:
    """sha256 over the pictures, in order."""
    return hashlib.sha256(np.ascontiguousarray(pictures).tobytes()).hexdigest()


def looked_at(pictures: ByteArray) -> Tensor:
    """(N,S,S,3) uint8 -> (N,3,s,s) in [-1,1], s <= `SIDE`."""
    if pictures.shape[1] > SIDE:
        pictures = np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for one in pictures])
    return from_uint8(pictures)


def fit_reader(settings: LeakSettings, pictures: ByteArray, report: Report, world: World = World()) -> Reader:  # noqa: B008 - frozen
    """Train the detector, resuming from the checkpoint in `settings.output`; it comes back on the CPU.

    Args:
        pictures: (N,S,S,3) uint8, N >= 2, S a multiple of 8: training pictures as the generator's trainer reads them.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings or pictures.
    """
    images = looked_at(pictures)
    learner = new_learner(images.shape[3], len(OUTPUTS), settings.seed, world.device)
    resume(settings, learner)

    def step(number: int) -> Tensor:
        draw = np.random.Generator(np.random.Philox(key=(settings.seed, 2 * number + PICTURES)))
        shown, which, ruined = (part.to(world.device) for part in planted_batch(images, settings.batch, draw))
        truth = torch.cat([which, ruined[:, None]], dim=1).float()
        said = torch.ones_like(truth)
        said[:, :-1] = ~ruined[:, None]  # of a ruined picture it need not say what else it is
        loss = F.binary_cross_entropy_with_logits(learner.reader(shown), truth, said)
        descend(loss, learner.optimizer, learner.reader.parameters(), 1.0, world)
        return loss.detach()

    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=min(50, settings.steps // 4))
    plan = Plan(name="leaks", steps=settings.steps, rate=rate, optimizers=[learner.optimizer])
    train(settings, learner, step, plan, report, world)
    return learner.reader.eval().cpu()


def planted_batch(images: Tensor, count: int, draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(count,3,S,S) pictures with augmentations, most spoilt and some ruined; (count,5) which; (count,) the ruined."""
    chosen, others = (torch.from_numpy(draw.integers(0, len(images), count)) for _ in range(2))
    which, spoilt, ruined = (
        torch.from_numpy(draw.random(shape, np.float32) < chance)
        for shape, chance in (((count, len(PLANTED)), CHANCE), ((count, 1, 1, 1), SPOILT), ((count,), RUINED))
    )
    shown = plant(images[chosen], which, draw)
    if ruined.any():
        shown[ruined] = ruin(shown[ruined], draw)
    return torch.where(spoilt, spoil(shown, images[others], draw), shown), which, ruined


@torch.no_grad()
def read(reader: Reader, images: Tensor) -> FloatArray:
    """(N,outputs) probabilities of (N,3,s,s) pictures."""
    parts: Sequence[Tensor] = [torch.sigmoid(reader(part)) for part in images.split(500)]
    found: FloatArray = torch.cat(list(parts)).numpy()
    return found
