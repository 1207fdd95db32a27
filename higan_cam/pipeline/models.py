"""The networks of a run on one device, and the codes that they work on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.config import RunConfig
from higan_cam.generate import load_generator, sample_latents
from higan_cam.label import calibrated, make_scorer
from higan_cam.mask.student import Student
from higan_cam.types import (
    Boundary,
    FloatArray,
    Generator,
    Scorer,
)


@dataclass(frozen=True)
class Models:
    """The two networks on one device.

    Attributes:
        codes: {index: (L,w_dim) w+} of pictures that were inverted; None where samples are latents.
        student: the one that a refined run has trained, the heat of its samples; None in others, and before.
    """

    generator: Generator
    scorer: Scorer
    device: torch.device
    codes: Mapping[int, FloatArray] | None = None
    student: Student | None = None


def load_models(config: RunConfig, device: str = "cpu") -> Models:
    """The generator and the scorer that the configuration names, in eval mode on `device`; scores as in labels."""
    generator, scorer = load_own_generator(config), make_scorer(config.scorer)
    for network in (generator, scorer):
        cast(nn.Module, network).to(device)
    return Models(generator, scorer, torch.device(device))


def load_own_generator(config: RunConfig) -> Generator:
    """The generator alone, in eval mode on the CPU."""
    return load_generator(
        config.generator.weights,
        truncation_psi=config.generator.truncation_psi,
        truncation_layers=config.generator.truncation_layers,
        precision=config.generator.precision,
    )


def on_final_scale(models: Models, boundary: Boundary) -> Models:
    """The same networks, with scores as samples carry them: calibrated, where the boundary knows the quartiles."""
    return replace(models, scorer=calibrated(models.scorer, boundary.metrics))


def w_plus_of(models: Models, config: RunConfig, indices: Sequence[int]) -> Tensor:
    """(n,L,w_dim) truncated codes w+ of the samples with these indices: the one door to what pictures are made of."""
    if models.codes is not None:
        return torch.from_numpy(np.stack([models.codes[index] for index in indices])).to(models.device)
    return models.generator.truncate(codes_of(models, config, indices))


def w_plus_of_latents(models: Models, latents: FloatArray) -> Tensor:
    """(n,L,w_dim) truncated codes w+ of (n,z_dim) latents that are no sample of a run."""
    return models.generator.truncate(models.generator.map(torch.from_numpy(latents).to(models.device)))


def codes_of(models: Models, config: RunConfig, indices: Sequence[int]) -> Tensor:
    """(n,w_dim) codes w of the samples with these indices, before truncation."""
    z = sample_latents(indices, config.seed, models.generator.z_dim)
    return models.generator.map(torch.from_numpy(z).to(models.device))


def codes_array(models: Models, config: RunConfig, indices: Sequence[int]) -> FloatArray:
    """(n,w_dim) codes w before truncation, on the CPU: what boundaries are fitted on."""
    with torch.inference_mode():
        parts = [codes_of(models, config, part).cpu().numpy() for part in batches(indices, 1024)]
    codes: FloatArray = np.concatenate(parts) if parts else np.zeros((0, models.generator.w_dim), np.float32)
    return codes


def batches(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """`indices` in order, `size` at a time; the last batch may be smaller."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
