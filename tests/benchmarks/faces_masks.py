"""`python -m tests.benchmarks.faces_masks`: heat maps and masks of five properties of faces against the true change.

A boundary is fitted to the properties that the embedded segmenter finds in pictures of the embedded generator, as a run
of data/configs/faces.yaml fits them, and unused faces are edited. Where the picture truly answers: what the property
alone changes in the render between its ends, the rest as it is (`faces.truth.changed`). The prior is how often each
pixel answers in other faces. `auto` is what a run would choose. Predictions and figures: higan_cam/faces/README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from higan_cam.config import RunConfig, load_config
from higan_cam.config.attributes import members
from higan_cam.faces import changed
from higan_cam.faces.scene import Z_DIM
from higan_cam.generate import sample_latents
from higan_cam.label import make_scorer
from higan_cam.measure.choice import choose, gains_of
from higan_cam.measure.masks import POOL, SHIPPED, Found, code_ends, found_regions, heat_of
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import Models, load_models, on_final_scale
from higan_cam.rooms import localisation, priors
from higan_cam.types import BoolArray, Boundary, FloatArray
from tests.benchmarks.attributions import boundaries_of

SEED = 2**62 + 85
"""Of the faces that are judged and of those that make the prior; nothing else uses it."""
HEATS = ("colour_change", "light_change", "image_difference", "path", "grad_cam")
PRIOR = "prior: mean pool"


def main() -> None:
    """Fit, edit, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=128, help="faces that are judged")
    parser.add_argument("--labels", type=int, default=2_500, help="labels of each boundary; tails are a quarter")
    parser.add_argument("--heats", nargs="+", default=HEATS, help="heat maps that are judged")
    parser.add_argument("--set", nargs="*", default=[], dest="overrides", help="settings over those of the file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    overrides = [f"label.count={options.labels}", f"boundary.tails={options.labels // 4}", *options.overrides]
    configs = members(load_config("data/configs/faces.yaml", overrides))
    models = load_models(next(iter(configs.values())))
    print("| attribute | heat map | AP | IoU of the masks | covers |\n| --- | --- | --- | --- | --- |")
    for name, (config, boundary) in boundaries_of(models, configs).items():
        own = on_final_scale(replace(models, scorer=make_scorer(config.scorer)), boundary)
        for line in _lines(own, config, boundary, options.faces, options.heats):
            print(f"| {name} | {line} |", flush=True)


def _lines(models: Models, config: RunConfig, boundary: Boundary, faces: int, heats: tuple[str, ...]) -> Iterator[str]:
    size = models.generator.resolution
    latents = sample_latents(range(faces + POOL), SEED, Z_DIM)
    truth = changed(latents, config.attribute, size).numpy()
    latents, others, truth = latents[:faces], truth[faces:], truth[:faces]
    seen = truth.any(axis=(1, 2))  # a face whose property is hidden answers nowhere
    ends = code_ends(models, config, boundary, latents[seen])
    for heat in heats:
        yield _line(f"`{heat}`", heat_of(models, config, boundary, ends, heat), config, truth[seen])
    prior = np.broadcast_to(priors.mean_pool(others), truth[seen].shape)
    yield _line(PRIOR, found_regions(prior, config, (SHIPPED,), size), config, truth[seen])
    asked = config.with_attribution("auto")
    choice = choose(asked.attribution.candidates, gains_of(models, asked, boundary, range(asked.attribution.pilot)))
    gains = ", ".join(f"{row.name} {row.gain.value:.3f}" for row in choice.candidates)
    yield f"`auto`: {choice.name} | gains: {gains} | truth covers {truth.mean():.3f} |"


def _line(name: str, found: Found, config: RunConfig, truth: BoolArray) -> str:
    masks = found.masks[SHIPPED]
    columns: dict[str, FloatArray] = {
        "AP": localisation.average_precision(found.heat, truth),
        "IoU": localisation.iou(masks, truth),
    }
    figures = [
        f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" for each in estimate_means(columns, seed=0).values()
    ]
    return " | ".join([name, *figures, f"{masks.mean():.3f}"])


if __name__ == "__main__":
    main()
