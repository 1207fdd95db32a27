"""From a finished training run to the files that ship: 16-bit safetensors, metrics, sample grids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.rooms import level, render
from higan_cam.train.loop import Report, held_out_latents, setup_latents
from higan_cam.train.rooms.distill import distill
from higan_cam.train.rooms.evaluate import generate, image_metrics, save_grid, scorer_metrics
from higan_cam.train.rooms.factors import MAPPING_LAYERS, W_DIM
from higan_cam.train.scorer.fit import fit_scorer
from higan_cam.train.scorer.pictures import find_pictures, read_pictures, split_pictures
from higan_cam.train.settings import DistillSettings, ScorerSettings, World
from higan_cam.types import FloatArray
from higan_cam.weights.files import save_tensors

GRID = 8


def train_and_export_generator(settings: DistillSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write generator.safetensors, metrics.json and the grid of renders and samples."""
    generator = distill(settings, report, world).eval()
    if world.rank != 0:
        return
    output = Path(settings.output)
    set_mean_code(generator)
    save_tensors(output / "generator.safetensors", halved(generator.state_dict()), generator_metadata(generator))
    _write_json(output / "metrics.json", image_metrics(generator, settings.held_out))
    save_samples(generator, output / "samples.png")


def save_samples(generator: StyleGAN2, path: Path) -> None:
    """A grid of the first held-out rooms: rows of renders, each above the samples of the same latents."""
    z = held_out_latents(2 * GRID)
    renders, samples = render(z, generator.resolution), generate(generator, z)
    save_grid(path, [renders[:GRID], samples[:GRID], renders[GRID:], samples[GRID:]])


def train_and_export_scorer(settings: ScorerSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write scorer.safetensors and metrics.json."""
    scorer = fit_scorer(settings, report, world)
    if world.rank != 0:
        return
    output = Path(settings.output)
    metadata = {"settings": json.dumps({"width": settings.width, "input_size": settings.resolution}, sort_keys=True)}
    save_tensors(output / "scorer.safetensors", halved(scorer.state_dict()), metadata)
    _write_json(output / "metrics.json", scorer_metrics(scorer, *_held_out(settings)))


def _held_out(settings: ScorerSettings) -> tuple[Tensor, FloatArray]:
    """Images (N,3,S,S) and levels (N,) that training has not seen: renders, or the user's own."""
    if settings.pictures is None:
        z = held_out_latents(settings.held_out)
        return render(z, settings.resolution), level(z)
    _, held_out = split_pictures(find_pictures(Path(settings.pictures)))
    return read_pictures(held_out.paths[: settings.held_out], settings.resolution), held_out.levels[: settings.held_out]


def generator_metadata(generator: StyleGAN2) -> dict[str, str]:
    """What the loader needs beside the tensors, as safetensors metadata."""
    settings = {
        "architecture": "stylegan2",
        "resolution": generator.resolution,
        "z_dim": generator.z_dim,
        "w_dim": generator.w_dim,
        "mapping_layers": MAPPING_LAYERS,
        "mapping_width": W_DIM,
        "channels": list(generator.channels),
        "noise_channels": "per_channel",
        "truncation_psi": 1.0,
        "truncation_layers": 0,
    }
    return {"settings": json.dumps(settings, sort_keys=True)}


@torch.no_grad()
def set_mean_code(generator: StyleGAN2, count: int = 10_000) -> None:
    """Store the mean of w over `count` latents as the truncation centre."""
    z = torch.from_numpy(setup_latents(count)).float()
    generator.truncation.w_avg.copy_(generator.map(z).mean(dim=0))


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float16 copies of the floating-point tensors; the others as they are."""
    return {key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
