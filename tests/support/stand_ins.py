"""Files under the names and in the layouts of HiGAN's published ones, with random weights.

    python -m tests.support.stand_ins

With them its commands run here, and draw noise. Nothing about a bedroom can be learned from them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from higan_cam.generate import StyleGAN
from higan_cam.label import ResNet18
from higan_cam.label.places365 import MATRIX_FILE
from higan_cam.manipulate import export_npy
from higan_cam.types import Boundary
from higan_cam.weights.zoo import known, zoo

ROWS = {"view": (0, 1, 2, 3, 4)}
"""Of w+ that a published boundary moves; the others move 6-11."""


def write_all(folder: Path) -> None:
    """Generator, scene predictor and boundaries of the bedroom, and HiGAN's list of the boundaries."""
    write_bedroom(folder)
    write_scene_predictor(folder)
    write_boundaries(folder)


def write_bedroom(folder: Path) -> Path:
    """HiGAN's bedroom generator: 256 px, 14 layers, 512 numbers a code, and few channels."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        generator = StyleGAN(mapping_width=32, channels=(16, 16, 16, 8, 8, 4, 4))
        tensors = {key: value for key, value in generator.state_dict().items() if key != "truncation.truncation"}
        noise = {key: torch.randn(value.shape) for key, value in tensors.items() if key.endswith("apply_noise.noise")}
    return _saved(tensors | noise, folder / known("stylegan_bedroom").file)


def write_scene_predictor(folder: Path) -> Path:
    """The WideResNet18 of Places365 as published, and the attributes' matrix beside it."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        network = ResNet18(width=64, classes=365).state_dict()
    tensors = {f"module.{key}": value for key, value in network.items()}
    checkpoint = {"arch": "wideresnet18", "state_dict": tensors, "best_prec1": 50.0}
    path = _saved(checkpoint, folder / known("wideresnet18_places365").file)
    np.save(path.with_name(MATRIX_FILE), np.random.Generator(np.random.PCG64(0)).standard_normal((102, 512)))
    return path


def write_boundaries(folder: Path) -> Path:
    """The bedroom's boundaries along random directions, and the list that HiGAN's scripts take; returns the list."""
    draw = np.random.Generator(np.random.PCG64(1))
    lines = []
    for checkpoint in zoo().values():
        if checkpoint.name.startswith("stylegan_bedroom/"):
            attribute = checkpoint.name.partition("/")[2]
            normal = draw.standard_normal(512).astype(np.float32)
            rows = ROWS.get(attribute, tuple(range(6, 12)))
            export_npy(Boundary(normal / np.linalg.norm(normal), 0.0, "w", rows, attribute), folder / checkpoint.file)
            lines.append(f"({attribute}, w): {checkpoint.file}\n")
    path = folder / "stylegan_bedroom_list.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _saved(content: object, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write stand-ins with random weights for HiGAN's published files.")
    parser.add_argument("folder", type=Path, help="Of weights; must not exist, so that no published file is replaced.")
    asked = parser.parse_args().folder
    if asked.exists():
        parser.error(f"{asked} exists; name a new folder")
    write_all(asked)
