"""The networks that `gpu` measures with, and a whole run of them through Ray."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from safetensors.torch import save_file

from higan_cam.config import RunConfig, load_config
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.label.lighting import LightingScorer

SHAPES: dict[bool, tuple[dict[str, Any], dict[str, Any]]] = {
    False: ({"resolution": 256}, {"width": 64, "input_size": 224}),
    True: ({"resolution": 128, "z_dim": 16, "w_dim": 16, "channels": [8] * 6}, {"width": 8, "input_size": 32}),
}
"""Generator's and scorer's sizes: bedroom256 and the published ResNet18, or toys."""


def write_networks(folder: Path, *, tiny: bool) -> RunConfig:
    """Random networks as files in `folder`, and the configuration of a run with them: published layers and maps."""
    generator_size, scorer_size = SHAPES[tiny]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator, scorer = StyleGAN(**generator_size), LightingScorer(**scorer_size)
    files = {"generator": folder / "generator.safetensors", "scorer": folder / "scorer.safetensors"}
    save_file(generator.state_dict(), files["generator"])
    save_file(scorer.state_dict(), files["scorer"], {"settings": json.dumps(scorer_size)})
    return load_config(
        None,
        [
            f"generator.weights={files['generator']}",
            f"scorer.weights={files['scorer']}",
            "edit.layers=6-11",
            "edit.distance=3",
        ],
    )


def end_to_end(config: RunConfig, count: int, precision: str, output: Path) -> dict[str, Any]:
    """`count` latents labelled, a boundary fitted, `count` masks written: seconds per stage, and of all.

    The start of Ray and of the workers counts.
    """
    from higan_cam.runtime.run import run_stages

    tails = min(2_000, count // 4)
    overrides = [
        f"output={output}",
        f"generator.weights={config.generator.weights}",
        f"scorer.weights={config.scorer.weights}",
        f"generator.precision={precision}",
        f"edit.layers={config.edit.layers}",
        f"label.count={count}",
        f"boundary.tails={tails}",
        f"mask.count={count}",
        "label.micro_batch=128",
        "mask.micro_batch=64",
    ]
    began = time.monotonic()
    outcome = run_stages(load_config(None, overrides), ("label", "fit", "mask"), Console(quiet=True))
    seconds = time.monotonic() - began
    return {"count": count, "precision": precision, "seconds": seconds, "stages": dict(outcome.seconds)}
