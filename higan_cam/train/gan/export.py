"""From a trained generator to the files that are used: weights that `generator.weights` reads, figures, a sheet."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.files import write_whole
from higan_cam.generate import sample_latents
from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.files import halved, json_text
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures, read_pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState
from higan_cam.train.rooms.evaluate import save_grid
from higan_cam.train.settings import Report, World
from higan_cam.weights.files import save_tensors
from higan_cam.weights.paths import TRAINED

WEIGHTS, DISCRIMINATOR, FIGURES, SHEET = TRAINED, "discriminator.safetensors", "metrics.json", "samples.png"
GRID = 8
SETTLED = 4096
"""Codes that the mean code, or DCGAN's statistics, are taken over."""
BATCH = 64


def train_and_export_gan(settings: GanSettings, report: Report, world: World) -> None:
    """Train; on rank 0 write the sheet of samples as often as the checkpoint, and at the end all files.

    Errors as `read_pictures` and `fit_gan`; ConfigError where the pictures are no longer those of the settings.
    """
    pictures = read_pictures(settings)
    settings = with_digest(settings, pictures)
    output = Path(settings.output)

    def sheet(state: GanState) -> None:
        save_sheet(settings, settled(settings, state), output)

    state = fit_gan(settings, pictures, report, world, sheet)
    if world.rank == 0:
        finished = settled(settings, state)
        save_sheet(settings, finished, output)
        told = {name: value for name, value in asdict(settings).items() if name not in ("output", "pictures")}
        notes = {"training": json.dumps(told, sort_keys=True)}
        save_tensors(output / WEIGHTS, halved(finished.state_dict()), notes)
        save_tensors(output / DISCRIMINATOR, halved(state.discriminator.state_dict()), notes)
        figures = {"kimg": settings.steps * settings.batch / 1000, "pictures": len(pictures.train)}
        lost = {"unreadable": len(pictures.unreadable), "held_out": len(pictures.held_out)}
        write_whole(output / FIGURES, json_text(figures | lost))


def with_digest(settings: GanSettings, pictures: Pictures) -> GanSettings:
    """The settings with what the pictures are. ConfigError: they said something else."""
    if settings.pictures_sha256 not in ("", pictures.sha256):
        raise ConfigError(f"{settings.pictures}: its pictures have changed since training began; take another output")
    return replace(settings, pictures_sha256=pictures.sha256)


@torch.no_grad()
def settled(settings: GanSettings, state: GanState) -> nn.Module:
    """The averaged generator on the CPU, with statistics of its own, which averaged weights need.

    The mean code of StyleGAN2, or the means and variances of DCGAN's batch norm, over `SETTLED` samples.
    """
    network = deepcopy(state.averaged).cpu()
    if isinstance(network, StyleGAN2):
        codes = torch.from_numpy(sample_latents(range(SETTLED), settings.seed, settings.z_dim, normalize=False))
        network.truncation.w_avg.copy_(network.map(codes).mean(dim=0))
    elif isinstance(network, DCGAN):
        _take_statistics(settings, network)
    return network


def _take_statistics(settings: GanSettings, network: DCGAN) -> None:
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    network.train()
    for first in range(0, SETTLED, BATCH):
        codes = sample_latents(range(first, first + BATCH), settings.seed, settings.z_dim, normalize=False)
        network.synthesize(network.truncate(torch.from_numpy(codes)))
    network.eval()


@torch.no_grad()
def save_sheet(settings: GanSettings, network: nn.Module, output: Path) -> None:
    """samples.png: the same codes every time."""
    drawn = cast(Any, network)
    codes = torch.from_numpy(sample_latents(range(GRID * GRID), settings.seed + 1, settings.z_dim, normalize=False))
    images: Tensor = drawn.synthesize(drawn.truncate(drawn.map(codes)))[0].clamp(-1, 1)
    save_grid(output / SHEET, list(images.split(GRID)))
