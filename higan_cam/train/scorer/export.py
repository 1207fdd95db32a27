"""From a trained scorer to the file that ships."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from higan_cam.files import write_whole
from higan_cam.rooms import level, render
from higan_cam.train.distill.evaluate import scorer_metrics
from higan_cam.train.distill.latents import held_out_latents
from higan_cam.train.files import halved, json_text
from higan_cam.train.scorer.fit import fit_scorer
from higan_cam.train.scorer.pictures import find_pictures, read_pictures, split_pictures
from higan_cam.train.scorer.settings import ScorerSettings
from higan_cam.train.settings import Report, World
from higan_cam.types import FloatArray
from higan_cam.weights.files import save_tensors


def train_and_export_scorer(settings: ScorerSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write scorer.safetensors and metrics.json."""
    scorer = fit_scorer(settings, report, world)
    if world.rank != 0:
        return
    output = Path(settings.output)
    metadata = {"settings": json.dumps({"width": settings.width, "input_size": settings.resolution}, sort_keys=True)}
    save_tensors(output / "scorer.safetensors", halved(scorer.state_dict()), metadata)
    write_whole(output / "metrics.json", json_text(scorer_metrics(scorer, *_held_out(settings))))


def _held_out(settings: ScorerSettings) -> tuple[Tensor, FloatArray]:
    """Images (N,3,S,S) and levels (N,) that training has not seen: renders, or the user's own."""
    if settings.pictures is None:
        z = held_out_latents(settings.held_out)
        return render(z, settings.resolution), level(z)
    _, held_out = split_pictures(find_pictures(Path(settings.pictures)))
    return read_pictures(held_out.paths[: settings.held_out], settings.resolution), held_out.levels[: settings.held_out]
