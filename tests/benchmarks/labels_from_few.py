"""`python -m tests.benchmarks.labels_from_few`: 2,000 labels, 3% of them wrong, predict 8,000 pictures.

Pictures are renders whose factors are known: `rooms` (is there a wardrobe) and `faces` (are there glasses). Predictions
are written before the figures: higan_cam/train/labeller/README.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from higan_cam import faces, rooms
from higan_cam.generate import sample_latents, to_uint8
from higan_cam.generate.images import from_uint8
from higan_cam.label.labelled.evidence import expected_above
from higan_cam.label.labelled.scorer import LabelledScorer, load_labeller
from higan_cam.rooms.scene import OBJECTS
from higan_cam.train.labeller.examples import Examples
from higan_cam.train.labeller.export import finish_labeller
from higan_cam.train.labeller.figures import calibration_error, confusion, label_figures
from higan_cam.train.labeller.fit import fit_folds
from higan_cam.train.labeller.settings import LabellerSettings
from higan_cam.train.settings import Progress
from higan_cam.types import BoolArray, ByteArray, FloatArray

SEED = 2**41
"""Of the latents; no training uses it."""
SIDE = 64
THRESHOLD, NOISE = 0.9, 0.03
_AT_ONCE = 250
BACKBONES: dict[str, dict[str, Any]] = {
    "resnet18": {"side": 64, "epochs": 5, "folds": 3},
    "efficientnet_lite0": {"side": 96, "epochs": 30, "folds": 3},
    "gender_cnn": {"side": 96, "epochs": 8, "folds": 2, "learning_rate": 3e-4, "batch": 16},
}
"""What each is trained with."""


def _wardrobes(z: FloatArray) -> BoolArray:
    return np.asarray(rooms.scene_of(z).objects[:, list(OBJECTS).index("wardrobe")] > 0.5)


def _glasses(z: FloatArray) -> BoolArray:
    return np.asarray(faces.properties(z)["glasses"] > 0.5)


WORLDS: dict[str, tuple[Callable[..., torch.Tensor], Callable[[FloatArray], BoolArray], int]] = {
    "rooms": (rooms.render, _wardrobes, 128),
    "faces": (faces.render, _glasses, 64),
}
"""(renderer, true label, numbers of a latent)."""


def drawn(world: str, seed: int, count: int) -> tuple[ByteArray, BoolArray]:
    """(count,64,64,3) pictures and (count,) true labels."""
    render, truth, dim = WORLDS[world]
    z = sample_latents(range(count), SEED + seed, dim)
    parts = [to_uint8(render(z[first : first + _AT_ONCE], SIDE)) for first in range(0, count, _AT_ONCE)]
    return np.concatenate(parts), truth(z)


def learned(
    folder: Path, name: str, pictures: ByteArray, labels: BoolArray, seed: int
) -> tuple[LabelledScorer, dict[str, Any]]:
    """The labeller of these pictures and labels, and what it says of itself."""
    where = ("rendered",)
    settings = LabellerSettings(
        output=str(folder), negative=where, positive=where, seed=seed, backbone=name, **BACKBONES[name]
    )
    resized = torch.nn.functional.interpolate(from_uint8(pictures), (settings.side,) * 2, mode="bilinear")
    seen = to_uint8(resized)
    examples = Examples(tuple(map(str, range(len(labels)))), labels, lambda _: seen, "")
    fit_folds(settings, _say, examples=examples)
    told = finish_labeller(settings, examples)
    return load_labeller(folder), told


def measured(world: str, name: str, seed: int, few: int, rest: int) -> dict[str, Any]:
    """Figures of one labeller: what it says to expect, and what is."""
    began = time.process_time()
    pictures, truth = drawn(world, seed, few + rest)
    wrong = np.random.default_rng(seed).uniform(size=few) < NOISE
    with tempfile.TemporaryDirectory() as folder:
        scorer, told = learned(Path(folder), name, pictures[:few], truth[:few] ^ wrong, seed)
    taught = time.process_time() - began
    probability = _probabilities(scorer, pictures[few:])
    true = truth[few:]
    found = {key: vars(value) for key, value in label_figures(probability, true, 0.5, seed).items()}
    kept, expected = confusion(probability, true, THRESHOLD), expected_above(scorer.held_out, THRESHOLD)
    scorer.temperature = 1.0
    return {
        **{"world": world, "backbone": name, "seed": seed, "share of label 1": float(true.mean())},
        **{"labels wrong": float(wrong.mean()), "temperature": told["temperature"]},
        **{"attempts": [fold["attempts"] for fold in told["folds"]], "CPU seconds": round(taught)},
        **{"truth": found, "held out": told["held out"]},
        "calibration error without temperature": calibration_error(_probabilities(scorer, pictures[few:]), true),
        "filter": {
            **{"threshold": THRESHOLD, "kept": kept.true_positive + kept.false_positive},
            **{"precision": vars(kept.precision), "expected": expected.to_json()},
            "covered": expected.precision.low <= kept.precision.value <= expected.precision.high,
        },
    }


def _probabilities(scorer: LabelledScorer, pictures: ByteArray) -> FloatArray:
    parts = [pictures[first : first + _AT_ONCE] for first in range(0, len(pictures), _AT_ONCE)]
    with torch.inference_mode():
        return np.concatenate([scorer.score(from_uint8(part)).double().numpy() for part in parts])


def _say(progress: Progress) -> None:
    if progress.step == progress.of:
        print(progress.stage, progress.step, {k: round(v, 4) for k, v in progress.metrics.items()}, flush=True)


def main() -> None:
    """Measure, a line of JSON for each labeller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=WORLDS, default="rooms")
    parser.add_argument("--backbone", choices=BACKBONES, default="resnet18")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--labels", type=int, default=2_000)
    parser.add_argument("--rest", type=int, default=8_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for seed in options.seeds:
        found = measured(options.world, options.backbone, seed, options.labels, options.rest)
        print(json.dumps(found, sort_keys=True), flush=True)


if __name__ == "__main__":
    main()
