"""Samples drawn once and kept in files, so that training sees them in ever new views without the generator.

Workers share the drawing, a chunk of samples each in turn; a run that goes on draws only what is missing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from higan_cam.errors import WeightsError
from higan_cam.train.draws import rows_shown
from higan_cam.train.encoder.samples import TRAINING_SEED, Samples, Source, draw_samples
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.settings import Progress, Report, World
from higan_cam.types import IntArray
from higan_cam.weights.files import load_tensors, save_tensors

CHUNK = 256
"""Samples in a file."""
_FOLDER, _ABOUT = "samples", "about"
_REPORT_EVERY = 8
_DECIDING = ("generator_sha256", "boundary_sha256", "precision", "side", "pushed", "push", "seed")
"""Settings that decide what a sample is."""


def training_samples(settings: EncoderSettings, source: Source, numbers: range) -> Samples:
    """The training samples with these numbers, drawn now."""
    seed = TRAINING_SEED + settings.seed
    return draw_samples(source, numbers, seed=seed, side=settings.side, pushed=settings.pushed, push=settings.push)


def kept_samples(settings: EncoderSettings, source: Source, report: Report, world: World) -> Samples:
    """The `settings.samples` samples of the run, from its folder; what is not there yet is drawn, by all workers.

    Raises:
        WeightsError: a file of samples that is damaged; it can be deleted.
    """
    chunks = range(-(-settings.samples // CHUNK))
    for done, chunk in enumerate(chunks[world.rank :: world.size], start=1):
        if not _is_there(settings, chunk):
            _draw_chunk(settings, source, chunk)
        if world.rank == 0 and done % _REPORT_EVERY == 0:
            report(Progress("samples", min(done * world.size * CHUNK, settings.samples), settings.samples))
    if world.size > 1:
        torch.distributed.barrier()
    parts = [load_tensors(_path(settings, chunk))[0] for chunk in chunks]
    white, pictures = (np.concatenate([part[name].numpy() for part in parts]) for name in ("white", "pictures"))
    return Samples(white, pictures)


def rows_of_step(settings: EncoderSettings, step: int) -> IntArray:
    """(batch,) which of the kept samples a step of all workers sees."""
    places = range(step * settings.batch, (step + 1) * settings.batch)
    return rows_shown(places, settings.samples, settings.seed)


def _draw_chunk(settings: EncoderSettings, source: Source, chunk: int) -> None:
    numbers = range(chunk * CHUNK, min((chunk + 1) * CHUNK, settings.samples))
    drawn = training_samples(settings, source, numbers)
    tensors = {"white": torch.from_numpy(drawn.white), "pictures": torch.from_numpy(drawn.pictures)}
    path = _path(settings, chunk)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, tensors, {_ABOUT: _about(settings, chunk)})


def _is_there(settings: EncoderSettings, chunk: int) -> bool:
    """Whether a file has these samples; those of other settings are drawn over."""
    path = _path(settings, chunk)
    if not path.is_file():
        return False
    try:
        return load_tensors(path)[1].get(_ABOUT) == _about(settings, chunk)
    except WeightsError:
        return False


def _about(settings: EncoderSettings, chunk: int) -> str:
    count = min(CHUNK, settings.samples - chunk * CHUNK)
    return json.dumps({"count": count} | {name: getattr(settings, name) for name in _DECIDING}, sort_keys=True)


def _path(settings: EncoderSettings, chunk: int) -> Path:
    return Path(settings.output) / _FOLDER / f"{chunk:05d}.safetensors"
