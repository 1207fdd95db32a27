"""How far rounding alone moves a picture on this run's generator: the floor below which an edit changes nothing.

Measured where nothing changed: codes of the run's own first samples, drawn in ways that should give one picture.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from higan_cam.config import RunConfig
from higan_cam.mask import levels_of_rounding, picture_change
from higan_cam.pipeline.devices import one_thread
from higan_cam.pipeline.models import Models, w_plus_of
from higan_cam.types import Generator

SAMPLES = 4
"""Drawn at once, whatever the run's micro-batches: the floor follows from the generator, its precision and the seed."""
SHARES = (1e-7, 1e-4)
"""Of the way to the next sample's code: 1e-6 and 1e-3 code units on the embedded generator, which move float32 pictures
by 0.0001 and 0.05 levels. The first reaches the last bits of float32; those of bfloat16 take the second."""


def measured_floor(models: Models, config: RunConfig) -> int:
    """Levels of an 8-bit picture, whole and at least 1, up to which a change of the run's pictures is rounding.

    Measured on the device where the networks are (products in TF32 exist on GPUs alone), on a CPU by one thread. Cost:
    4 images of each of `SAMPLES` samples.
    """
    with torch.inference_mode(), one_thread():
        codes = w_plus_of(models, config, range(SAMPLES + 1))
        return levels_of_rounding(_spread(_pictures(models.generator, codes[:-1], codes.diff(dim=0))))


def _pictures(generator: Generator, w_plus: Tensor, toward: Tensor) -> Iterator[Tensor]:
    """(N,3,R,R) images of the same codes (N,L,w_dim), drawn together, alone from half-way on, and after tiny edits."""
    yield generator.synthesize(w_plus)[0]
    yield torch.cat([_from_half_way(generator, code) for code in w_plus.split(1)])
    for share in SHARES:
        yield generator.synthesize(w_plus + share * toward)[0]


def _from_half_way(generator: Generator, w_plus: Tensor) -> Tensor:
    state, _ = generator.advance(w_plus, len(generator.layer_resolutions) // 2)
    return generator.synthesize(w_plus, start=state)[0]


def _spread(pictures: Iterator[Tensor]) -> Tensor:
    """(N,) largest change between any two of them."""
    lowest = highest = next(pictures)
    for picture in pictures:
        lowest, highest = torch.minimum(lowest, picture), torch.maximum(highest, picture)
    return picture_change(lowest, highest)
