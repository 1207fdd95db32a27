"""A small network that reads yes-or-no properties off pictures, trained in half a minute of one core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate import from_uint8
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend
from higan_cam.train.settings import Report, Settings, World
from higan_cam.types import ByteArray, FloatArray

SIDE = 32
"""At which pictures are looked at, px; smaller ones as they are."""
WIDTHS, HIDDEN = (32, 64, 96), 192
WARMUP = 50
LONGEST = 1.0
"""Gradient that is not shortened."""

Lessons = Callable[[np.random.Generator], tuple[Tensor, Tensor, Tensor]]
"""Draws of a step -> pictures (n,3,S,S) in [-1,1], what they show (n,outputs) in [0,1], which of it counts."""


class ReaderSettings(Settings, Protocol):
    """What training a reader is told."""

    @property
    def steps(self) -> int:
        """Of the optimiser."""

    @property
    def learning_rate(self) -> float:
        """Adam's, at its peak."""

    @property
    def seed(self) -> int:
        """Of weights and lessons."""


class Reader(nn.Module):
    """Pictures (N,3,S,S) in [-1,1], S a multiple of 8 -> (N,outputs) logits, by three convolutions of stride 2."""

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


def fit(
    name: str,
    settings: ReaderSettings,
    lessons: Lessons,
    shape: tuple[int, int],
    report: Report,
) -> Reader:
    """Binary cross entropy by Adam, on the CPU, resuming from the checkpoint in `settings.output`.

    Args:
        name: in lines of progress.
        shape: side of the pictures, px, and outputs.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings.
    """
    torch.manual_seed(settings.seed)
    reader, world = Reader(*shape), World()
    learner = Learner(reader, torch.optim.Adam(reader.parameters()))
    resume(settings, learner)

    def step(number: int) -> Tensor:
        draw = np.random.Generator(np.random.Philox(key=(settings.seed, 2 * number)))
        images, truth, counts = lessons(draw)
        loss = F.binary_cross_entropy_with_logits(reader(images), truth, counts)
        descend(loss, learner.optimizer, reader.parameters(), LONGEST, world)
        return loss.detach()

    warmup = min(WARMUP, settings.steps // 4)
    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=warmup)
    plan = Plan(name=name, steps=settings.steps, rate=rate, optimizers=[learner.optimizer])
    train(settings, learner, step, plan, report, world)
    return reader.eval()


def looked_at(pictures: ByteArray) -> Tensor:
    """(N,S,S,3) uint8 -> (N,3,s,s) in [-1,1], s <= `SIDE`."""
    if pictures.shape[1] > SIDE:
        pictures = np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for one in pictures])
    return from_uint8(pictures)


@torch.no_grad()
def read(reader: Reader, images: Tensor) -> FloatArray:
    """(N,outputs) probabilities of (N,3,s,s) pictures."""
    found: FloatArray = torch.cat([torch.sigmoid(reader(part)) for part in images.split(500)]).numpy()
    return found
