"""From a trained generator to the files that are used: weights that `generator.weights` reads, figures, a sheet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, replace

import torch
from torch import nn

from higan_cam.errors import ConfigError
from higan_cam.generate import sample_latents
from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.publish.images import encode_image
from higan_cam.publish.report.generator import render_generator, render_generator_card
from higan_cam.store import open_store
from higan_cam.store.keys import CARD_KEY, REPORT_KEY
from higan_cam.train.files import halved, json_text
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.monitors import judge
from higan_cam.train.gan.page import generator_content
from higan_cam.train.gan.pictures import Pictures, read_pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState
from higan_cam.train.gan.steering.properties import known_anywhere, names_of
from higan_cam.train.gan.steering.sheets import asked_for
from higan_cam.train.gan.steps import Steps
from higan_cam.train.gan.transfer import StillNorm
from higan_cam.train.gan.watch import GRID, Watch, Watching, drawn, sheet_of
from higan_cam.train.settings import Report, World
from higan_cam.weights.files import encode_tensors
from higan_cam.weights.paths import DISCRIMINATOR, TRAINED

WEIGHTS, FIGURES, SHEET = TRAINED, "metrics.json", "samples.png"
DISCRIMINATORS = "discriminator_arrangement.safetensors", "discriminator_tiles.safetensors"
"""Of two sources: neither judges the whole picture, so nothing takes one for the generator's."""
SETTLED = 4096
"""Codes that the mean code, or DCGAN's statistics, are taken over."""
BATCH = 64


def train_and_export_gan(
    settings: GanSettings,
    report: Report,
    world: World,
    watching: Watching = Watching(),  # noqa: B008 - frozen
) -> None:
    """Train; on rank 0 write a sheet of samples with every checkpoint, look now and then, and write all files at last.

    Errors as `read_pictures` and `fit_gan`; ConfigError where the pictures are no longer those of the settings, or an
    unknown network is to compare.
    """
    pictures = read_pictures(settings)
    settings = with_digest(settings, pictures)
    store, watch = open_store(settings.output), Watch(settings, watching, pictures, world.device)

    def sheet(state: GanState, done: int, numbers: Mapping[str, float]) -> None:
        network = settled(settings, state)
        store.put(SHEET, encode_image(sheet_of(drawn(settings, network, range(GRID * GRID)))))
        if watch.due(done):
            watch.look(done, network, numbers)

    state = fit_gan(settings, pictures, report, world, sheet)
    if world.rank == 0:
        _finish(settings, pictures, state, watch, report)


def _finish(settings: GanSettings, pictures: Pictures, state: GanState, watch: Watch, report: Report) -> None:
    store = watch.store
    network, game = settled(settings, state), Steps(settings, state, pictures, World(device=watch.device))
    told = {name: value for name, value in asdict(settings).items() if name not in ("output", *settings.PLACES)}
    told["properties"] = names_of(settings.properties)
    notes = {"training": json.dumps(told, sort_keys=True)}
    store.put(WEIGHTS, encode_tensors(halved(network.state_dict()), notes))
    names = DISCRIMINATORS if settings.second else (DISCRIMINATOR,)
    for name, (discriminator, _) in zip(names, state.discriminators, strict=True):
        store.put(name, encode_tensors(halved(discriminator.state_dict()), notes))
    last = watch.look(settings.steps, network, game.numbers(settings.steps))
    samples = drawn(settings, network, range(max(GRID * GRID, watch.watching.judged)))
    sheet = sheet_of(samples[: GRID * GRID])
    store.put(SHEET, encode_image(sheet))
    found = judge(settings, watch.watching, pictures, state, samples, report) if watch.watching.judged else ()
    counts = {"pictures": len(pictures.train), "unreadable": len(pictures.unreadable)}
    figures = {name: each.to_json() for name, each in last.figures.items()}
    summary = {"kimg": last.kimg, "held_out": len(pictures.held_out), "figures": figures, **last.numbers}
    verdicts = {"verdicts": [each.to_json() for each in found]}
    store.put(FIGURES, json_text(counts | summary | verdicts).encode())
    asked = {} if state.averaged_condition is None else asked_for(settings, network, state.averaged_condition)
    content = generator_content(settings, pictures, watch, samples, found, asked)
    store.put(REPORT_KEY, render_generator(content).encode())
    store.put(CARD_KEY, render_generator_card(content).encode())


def with_digest(settings: GanSettings, pictures: Pictures) -> GanSettings:
    """The settings with what pictures and scorers are, found from anywhere. ConfigError: they said something else."""
    if settings.pictures_sha256 not in ("", pictures.sha256):
        raise ConfigError(f"{settings.pictures}: its pictures have changed since training began; take another output")
    properties, digests = known_anywhere(settings.properties, settings.properties_sha256)
    return replace(settings, pictures_sha256=pictures.sha256, properties=properties, properties_sha256=digests)


@torch.no_grad()
def settled(settings: GanSettings, state: GanState) -> nn.Module:
    """The averaged generator where it was trained, with statistics of its own, which averaged weights need.

    The mean code of StyleGAN2, or the means and variances of DCGAN's batch norm, over `SETTLED` samples.
    """
    network = deepcopy(state.averaged)
    device = next(network.parameters()).device
    if isinstance(network, StyleGAN2):
        codes = torch.from_numpy(sample_latents(range(SETTLED), settings.seed, settings.z_dim, normalize=False))
        network.truncation.w_avg.copy_(network.map(codes.to(device)).mean(dim=0))
    elif isinstance(network, DCGAN):
        _take_statistics(settings, network)
    return network


def _take_statistics(settings: GanSettings, network: DCGAN) -> None:
    device = next(network.parameters()).device
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        if isinstance(norm, StillNorm):
            continue  # frozen: its statistics are the file's
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    network.train()
    for first in range(0, SETTLED, BATCH):
        codes = sample_latents(range(first, first + BATCH), settings.seed, settings.z_dim, normalize=False)
        network.synthesize(network.truncate(torch.from_numpy(codes).to(device)))
    network.eval()
