"""`python -m tests.benchmarks.inversion`: photos of rooms with known truth, inverted and edited, and the heat judged.

Photos are renders of latents that nothing else uses, in grades (`rooms.photos`). Each is inverted, its code edited as a
run would, and the heat brought to the photo by the camera that was found. Beside every figure stands that of the true
latent, whose heat is moved as the photo was. Predictions are written before the figures: higan_cam/invert/README.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.config import RunConfig, parse_config
from higan_cam.config.pictures import InvertConfig
from higan_cam.generate import from_uint8
from higan_cam.invert import CodeStatistics, Encoder, Inversion, code_statistics, invert_pictures
from higan_cam.invert.camera import placed
from higan_cam.invert.encoder import load_encoder
from higan_cam.manipulate import load_boundary
from higan_cam.mask import find_regions
from higan_cam.measure.photos import Answer, KnownPhotos, figures_of, known_photos, moved_along
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import Models, attribution_for, edit_for, edited_ends, label_and_fit, load_models
from higan_cam.pipeline.models import w_plus_of_latents
from higan_cam.rooms.photos import GRADES, PHOTO_SEED, TUNING_SEED
from higan_cam.types import Boundary, FloatArray, Interval
from tests.benchmarks.masks import LABELLED, TAILS

METHODS: dict[str, dict[str, object]] = {
    "encoder": {"method": "encoder"},
    "hybrid": {"method": "hybrid"},
    "hybrid, no camera": {"method": "hybrid", "align": False},
    "optimise": {"method": "optimise"},
}
COLUMNS = {
    "psnr": ("PSNR dB", 1),
    "score_error": ("score error", 3),
    "ap_light": ("AP light", 3),
    "under_true": ("less the true latent's", 3),
    "ap_shades": ("AP shades", 3),
    "iou": ("IoU", 3),
    "span": ("span", 2),
    "distance": ("distance", 2),
    "delta": ("delta", 3),
}
Move = Callable[[Answer], Answer]


class Bench:
    """The networks, the boundary and the codes' statistics that all rows share."""

    def __init__(self, boundary: Path | None, encoder: str) -> None:
        self.config: RunConfig = parse_config({"label": {"count": LABELLED}, "boundary": {"tails": TAILS}})
        self.models: Models = load_models(self.config)
        fitted = label_and_fit(self.models, self.config) if boundary is None else load_boundary(boundary)
        self.boundary: Boundary = fitted
        self.statistics: CodeStatistics = code_statistics(self.models.generator)
        self.encoder: Encoder = load_encoder(encoder)

    def edited(self, w_plus: Tensor, known: KnownPhotos, move: Move) -> dict[str, FloatArray]:
        """Figures of the edit of (N,L,D) codes, its heat and mask moved to where the photos show them."""
        heat, low, high = self._heat(w_plus)
        regions = [find_regions(one, self.config.regions, known.images.shape[1]).mask > 0 for one in heat]
        small = np.stack([cv2.resize(one, known.images.shape[1:3], interpolation=cv2.INTER_AREA) for one in heat])
        return figures_of(move(Answer(small, np.stack(regions))), known) | {"span": high - low}

    @torch.inference_mode()
    def _heat(self, w_plus: Tensor) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(N,M,M) heat at the map's size, and (N,) scores of both ends."""
        models, heats, scores = self.models, [], []
        attribution = attribution_for(
            models, self.config, edit_for(models, self.config, self.boundary), self.boundary.metrics
        )
        for part in w_plus.split(self.config.mask.micro_batch):
            ends = edited_ends(models, self.config, self.boundary, part)
            heats.append(attribution(models.generator, models.scorer, ends.negative, ends.positive).float())
            images = [models.generator.synthesize(end)[0].clamp(-1, 1) for end in (ends.negative, ends.positive)]
            scores.append(torch.stack([models.scorer.score(image) for image in images]))
        low, high = torch.cat(scores, dim=1).numpy()
        return torch.cat(heats).numpy(), low, high

    def truth(self, known: KnownPhotos) -> dict[str, FloatArray]:
        """The figures of the true latents' edit."""
        with torch.inference_mode():
            w_plus = w_plus_of_latents(self.models, known.latents)
            image = torch.cat([self.models.generator.synthesize(part)[0] for part in w_plus.split(16)]).clamp(-1, 1)
            error = (image - from_uint8(known.images)).square().mean(dim=(1, 2, 3)).numpy()
        return self.edited(w_plus, known, lambda answer: moved_along(answer, known.moved)) | {
            "psnr": 10 * np.log10(4 / error)
        }

    def inverted(self, known: KnownPhotos, settings: dict[str, object]) -> tuple[Inversion, dict[str, FloatArray]]:
        """An inversion and its figures, with CPU seconds per photo as `cpu`."""
        began = time.process_time()
        found = invert_pictures(
            self.models.generator,
            from_uint8(known.images),
            InvertConfig.model_validate(settings),
            self.statistics,
            self.encoder,
            self.models.scorer,
        )
        cpu = (time.process_time() - began) / len(known)
        figures = self.edited(torch.from_numpy(found.w_plus), known, lambda answer: _placed(answer, found.camera))
        own = {name: getattr(found, name) for name in ("psnr", "distance", "delta")}
        error = np.abs(found.score - found.score_picture)
        return found, {**figures, **own, "score_error": error, "cpu": np.full(len(known), cpu)}


def _placed(answer: Answer, camera: FloatArray) -> Answer:
    """What was said of the generator's picture, where the photo shows it by the camera that was found."""
    numbers = torch.from_numpy(camera)
    heat, mask = (torch.from_numpy(part.astype(np.float32))[:, None] for part in (answer.heat, answer.mask))
    return Answer(placed(heat, numbers)[:, 0].numpy(), placed(mask, numbers)[:, 0].numpy() > 0.5)


def main() -> None:
    """Measure the grades and methods asked for, and print a Markdown table of each grade."""
    options = _options()
    torch.set_num_threads(1)
    bench = Bench(options.boundary, options.encoder)
    for grade in options.grades:
        known = known_photos(options.seed, options.count, grade)
        truth = bench.truth(known)
        rows = {"true latent": truth}
        for name in options.methods:
            found, figures = bench.inverted(known, METHODS[name])
            rows[name] = figures | {"under_true": figures["ap_light"] - truth["ap_light"]}
            _print_poorest(name, found)
        print(f"\n{grade}, {len(known)} photos\n\n" + "\n".join(_table(rows, truth["span"].mean())), flush=True)


def _print_poorest(name: str, found: Inversion) -> None:
    quantiles = np.quantile(found.psnr, (0.01, 0.5)), np.quantile(found.feature_distance, (0.5, 0.99))
    (low, middle), (typical, high) = quantiles
    print(f"{name}: PSNR p1 {low:.1f}, p50 {middle:.1f}; feature distance p50 {typical:.3f}, p99 {high:.3f}")


def _table(rows: dict[str, dict[str, FloatArray]], true_span: float) -> list[str]:
    titles = [title for title, _ in COLUMNS.values()]
    lines = ["| code | " + " | ".join(titles) + " | share of span | CPU s |", "| --- " * (len(titles) + 3) + "|"]
    for name, figures in rows.items():
        means = estimate_means(figures, 0)
        cells = [_cell(means.get(column), digits) for column, (_, digits) in COLUMNS.items()]
        cpu = f"{means['cpu'].value:.2f}" if "cpu" in means else ""
        lines.append(f"| {name} | " + " | ".join([*cells, f"{means['span'].value / true_span:.2f}", cpu]) + " |")
    return lines


def _cell(value: Interval | None, digits: int) -> str:
    return "" if value is None else f"{value.value:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="photos of each grade")
    parser.add_argument("--grades", nargs="+", default=["G1", "G2"], choices=GRADES)
    parser.add_argument("--methods", nargs="+", default=["encoder", "hybrid"], choices=METHODS)
    parser.add_argument("--boundary", type=Path, help="of a finished run; without it one is fitted here")
    parser.add_argument("--encoder", default="rooms", help="its name or file")
    parser.add_argument("--tuning", dest="seed", action="store_const", const=TUNING_SEED, default=PHOTO_SEED)
    return parser.parse_args()


if __name__ == "__main__":
    main()
