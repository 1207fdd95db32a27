"""From a trained encoder to the files that ship: 16-bit safetensors, metrics, a grid of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from higan_cam.files import write_whole
from higan_cam.invert.encoder import Encoder, load_encoder, reduced
from higan_cam.train.distill.evaluate import save_grid
from higan_cam.train.encoder.evaluate import Shown, columns_of, held_out
from higan_cam.train.encoder.fit import fit_encoder, source_of
from higan_cam.train.encoder.samples import Source
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.files import halved, json_text
from higan_cam.train.inpaint.measures import mean_figures
from higan_cam.train.settings import Report, World
from higan_cam.weights.files import save_tensors

WEIGHTS, FIGURES, PICTURE = "encoder.safetensors", "metrics.json", "samples.png"
GRID = 8


def train_and_export_encoder(settings: EncoderSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write encoder.safetensors, metrics.json and the grid.

    Errors as `fit_encoder`.
    """
    trained = fit_encoder(settings, report, world)
    if world.rank == 0:
        output = Path(settings.output)
        save_encoder(trained, output / WEIGHTS)
        save_figures(settings, load_encoder(output / WEIGHTS), output)  # what is measured is what is left


def save_encoder(encoder: Encoder, path: Path) -> None:
    """Weights in float16; where the codes lie in float32, since every code passes through it."""
    tensors = encoder.state_dict()
    exact = {name: tensors.pop(name) for name in ("mean", "spread")}
    save_tensors(path, halved(tensors) | exact, {"settings": json.dumps(encoder.settings, sort_keys=True)})


def save_figures(settings: EncoderSettings, encoder: Encoder, output: Path) -> None:
    """metrics.json: `evaluate.columns_of` by grade, with intervals; samples.png: rows of pictures, each above what
    their codes draw.
    """
    source = source_of(settings)
    shown = held_out(settings, source)
    figures = {grade: mean_figures(columns_of(source, encoder, each)) for grade, each in shown.items()}
    write_whole(output / FIGURES, json_text({"held_out": settings.held_out, "grades": figures}))
    save_grid(output / PICTURE, [row for each in shown.values() for row in _rows(source, encoder, each)])


@torch.no_grad()
def _rows(source: Source, encoder: Encoder, shown: Shown) -> tuple[Tensor, Tensor]:
    pictures = shown.pictures[:GRID]
    white, _ = encoder(reduced(pictures, encoder.side))
    return pictures, source.generator.synthesize(encoder.w_plus(white))[0].clamp(-1, 1)
