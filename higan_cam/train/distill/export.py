"""From a finished training run to the files that ship: 16-bit safetensors, metrics, sample grids."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from higan_cam.files import write_whole
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.distill.distill import distill
from higan_cam.train.distill.evaluate import generate, save_grid
from higan_cam.train.distill.latents import held_out_latents, setup_latents
from higan_cam.train.distill.settings import DistillSettings
from higan_cam.train.distill.world import MAPPING_LAYERS, ToyWorld
from higan_cam.train.distill.worlds import toy_world
from higan_cam.train.files import halved, json_text
from higan_cam.train.settings import Report, World
from higan_cam.weights.files import save_tensors

GRID = 8


def train_and_export_generator(settings: DistillSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write generator.safetensors, metrics.json and the grid of renders and samples."""
    generator = distill(settings, report, world).eval()
    if world.rank != 0:
        return
    output, toy = Path(settings.output), toy_world(settings.world)
    set_mean_code(generator)
    save_tensors(output / "generator.safetensors", halved(generator.state_dict()), generator_metadata(generator, toy))
    write_whole(output / "metrics.json", json_text(toy.measure(generator, settings.held_out)))
    save_samples(generator, output / "samples.png", toy)


def save_samples(generator: StyleGAN2, path: Path, toy: ToyWorld) -> None:
    """A grid of the first held-out pictures: rows of renders, each above the samples of the same latents."""
    z = held_out_latents(2 * GRID, toy.z_dim)
    renders, samples = toy.draw(z, generator.resolution)[0], generate(generator, z)
    save_grid(path, [renders[:GRID], samples[:GRID], renders[GRID:], samples[GRID:]])


def generator_metadata(generator: StyleGAN2, toy: ToyWorld) -> dict[str, str]:
    """What the loader needs beside the tensors, as safetensors metadata."""
    settings = {
        "architecture": "stylegan2",
        "resolution": generator.resolution,
        "z_dim": generator.z_dim,
        "w_dim": generator.w_dim,
        "mapping_layers": MAPPING_LAYERS,
        "mapping_width": toy.mapping_width,
        "channels": list(generator.channels),
        "noise_channels": "per_channel",
        "truncation_psi": 1.0,
        "truncation_layers": 0,
    }
    return {"settings": json.dumps(settings, sort_keys=True)}


@torch.no_grad()
def set_mean_code(generator: StyleGAN2, count: int = 10_000) -> None:
    """Store the mean of w over `count` latents as the truncation centre."""
    z = torch.from_numpy(setup_latents(count, generator.z_dim)).float()
    generator.truncation.w_avg.copy_(generator.map(z).mean(dim=0))
