"""`python -m tests.benchmarks.properties`: properties of drawn faces against the truth, from exact label maps.

R^2 of a straight line from the property to the true factor, by the published formulas and by ours, over the faces where
it is defined, with 95% bootstrap intervals; as drawn, and rolled and scaled. Predictions: label/properties/README.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.faces import label_map, properties, render
from higan_cam.faces.scene import Z_DIM
from higan_cam.generate import sample_latents
from higan_cam.label.properties.formulas import FORMULAS, measure, measure_published
from higan_cam.label.segmenters import Segmentation
from higan_cam.types import FloatArray
from higan_cam.worlds.face_parts import PARTS

SEED, CHUNK, RESAMPLES = 7_021, 100, 1_000
MOST_ROLL, SCALES = 15.0, (0.75, 1.05)


def main() -> None:
    """Measure and print both tables."""
    options = _options()
    z = sample_latents(range(options.count), SEED, Z_DIM)
    truth = properties(z)
    for moved in (False, True):
        print(f"\n{'rolled and scaled' if moved else 'as drawn'}, {options.count} faces, {options.side} px")
        found, reasons = _measure(z, options.side, moved)
        print("| property | v1 | v2 | ours | undefined, of ours |\n| --- | --- | --- | --- | --- |")
        for name in FORMULAS["ours"]:
            cells = [_cell(found[formula][name], truth[name]) for formula in ("v1", "v2", "ours")]
            why = ", ".join(f"{reason} {count}" for reason, count in reasons[name].most_common())
            print(f"| `{name}` | {' | '.join(cells)} | {why or 'none'} |")


def _measure(z: FloatArray, side: int, moved: bool) -> tuple[dict[str, dict[str, FloatArray]], dict[str, Counter[str]]]:
    """{formula: {property: (N,)}} and why ours are undefined: {property: {reason: faces}}."""
    names, formulas = list(FORMULAS["ours"]), ("v1", "v2", "ours")
    parts: dict[str, dict[str, list[FloatArray]]] = {each: {name: [] for name in names} for each in formulas}
    reasons: dict[str, Counter[str]] = {name: Counter() for name in names}
    for seen in _seen(z, side, moved):
        published = {formula: measure_published(seen, formula) for formula in formulas[:2]}
        for name in names:
            ours = measure(seen, name)
            reasons[name].update(reason for reason in ours.reasons() if reason)
            for formula in formulas:
                reading = ours if formula == "ours" else published[formula][name]
                parts[formula][name].append(reading.scores().numpy())
    found = {each: {name: np.concatenate(column) for name, column in of.items()} for each, of in parts.items()}
    return found, reasons


def _seen(z: FloatArray, side: int, moved: bool) -> Iterator[Segmentation]:
    random = np.random.default_rng(SEED)
    for start in range(0, len(z), CHUNK):
        part = z[start : start + CHUNK]
        labels, crop = label_map(part, side), (render(part, side) + 1) / 2
        if moved:
            grid = _grid(random, len(part), side)
            labels = F.grid_sample(labels[:, None].float(), grid, "nearest", "border", align_corners=False)[:, 0].byte()
            crop = F.grid_sample(crop, grid, "bilinear", "border", align_corners=False)
        shares = F.one_hot(labels.long(), len(PARTS)).permute(0, 3, 1, 2).float()
        yield Segmentation(shares, labels, crop, torch.zeros(len(part), 4), ("",) * len(part))


def _grid(random: np.random.Generator, count: int, side: int) -> Tensor:
    """(n,side,side,2) where each picture is sampled to be rolled and scaled about its middle."""
    angle = np.deg2rad(random.uniform(-MOST_ROLL, MOST_ROLL, count))
    scale = random.uniform(*SCALES, count)
    cosine, sine, zero = np.cos(angle) / scale, np.sin(angle) / scale, np.zeros(count)
    rows = np.stack([np.stack([cosine, sine, zero], axis=1), np.stack([-sine, cosine, zero], axis=1)], axis=1)
    return F.affine_grid(torch.from_numpy(rows).float(), [count, 1, side, side], align_corners=False)


def _cell(found: FloatArray, truth: FloatArray) -> str:
    known = np.isfinite(found)
    x, y = found[known].astype(np.float64), truth[known].astype(np.float64)
    random = np.random.default_rng(0)
    drawn = [_r_squared(x[rows], y[rows]) for rows in random.integers(0, len(x), (RESAMPLES, len(x)))]
    low, high = np.quantile(drawn, (0.025, 0.975))
    left_out = f"; {(~known).mean():.1%} undefined" if not known.all() else ""
    return f"{_r_squared(x, y):.3f} ({low:.3f}-{high:.3f}){left_out}"


def _r_squared(x: FloatArray, y: FloatArray) -> float:
    if len(x) < 2 or not np.ptp(x):
        return 0.0
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.properties", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--side", type=int, default=128)
    return parser.parse_args()


if __name__ == "__main__":
    main()
