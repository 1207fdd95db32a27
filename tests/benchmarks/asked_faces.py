"""`python -m tests.benchmarks.steering faces`: are drawn faces what they were asked to be, and what else changes.

One condition asks for eyes, mouth, yaw and hair colour at once; the scorers that training follows look with a segmenter.
What samples show is read by a network that no training uses: it learned the factors of faces from renders. Beside it
the SVM's edit in the same generator, as strong by the scorers, and the same codes with nothing asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.config.stages import BoundaryConfig
from higan_cam.faces import render, scene_of
from higan_cam.faces.scene import FACTORS, PROPERTIES, Z_DIM, span
from higan_cam.generate import load_generator, sample_latents, to_uint8
from higan_cam.manipulate import LabelledCodes, fit_boundary
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.steering.conditions import Condition
from higan_cam.train.gan.steering.properties import names_of, scorers_of, scores_of
from higan_cam.train.gan.watch import tiled
from higan_cam.train.reader import Reader, fit, read
from higan_cam.types import FloatArray

SIDE, TRAINED, JUDGED, LABELLED, TAILS, READ_ON = 64, 1_000, 200, 1_000, 200, 6_000
ASKED = ("eyes", "mouth", "yaw", "hair_color")
LEVELS = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""What is asked for, in spreads of the training pictures."""
FACES, CODES, SHEET = 2**61 + 5, 2**61 + 6, 2**61 + 7
"""Seeds of the faces to train on, to read on, and of the codes that are judged; nothing else uses them."""
NAMES = [factor.name for factor in FACTORS]
REST = [column for column, name in enumerate(NAMES) if name not in PROPERTIES]
"""What makes a face somebody's: glasses, colours, shapes."""
Edit = Callable[[Tensor, int, Tensor], Tensor]
"""(N,w_dim) codes, which of `ASKED`, (N,) levels -> codes."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Training the reader of faces."""

    output: str
    steps: int = 1_200
    batch: int = 32
    learning_rate: float = 2e-3
    seed: int = 0
    checkpoint_every: int = 300


def shown(z: FloatArray) -> FloatArray:
    """(N,64) -> (N,F) true factors, each in [0,1]."""
    scene = scene_of(z)
    return np.stack(
        [(scene.column(name) - span(name)[0]) / (span(name)[1] - span(name)[0]) for name in NAMES], axis=1
    ).astype(np.float32)


def faces(count: int, seed: int) -> tuple[Tensor, FloatArray]:
    """(N,3,64,64) renders, and what they show."""
    z = sample_latents(range(count), seed, Z_DIM)
    return render(z, SIDE), shown(z)


def reader(place: Path, steps: int) -> Reader:
    """Reads all factors off faces of 64 px."""
    images, truth = faces(READ_ON, FACES)
    settings = Reading(output=str(place / "faces-reader"), steps=steps)

    def lessons(draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        chosen = draw.integers(0, len(images), settings.batch)
        noise = torch.from_numpy(draw.standard_normal((settings.batch, *images.shape[1:]), np.float32))
        strength = torch.from_numpy(draw.random((settings.batch, 1, 1, 1), np.float32)) * 0.05
        wanted = torch.from_numpy(truth[chosen])
        return images[torch.from_numpy(chosen)] + strength * noise, wanted, torch.ones_like(wanted)

    return fit("faces reader", settings, lessons, (SIDE, len(NAMES)), lambda _: None)
