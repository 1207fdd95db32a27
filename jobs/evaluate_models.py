"""Measure a generator and a scorer on held-out rooms: python -m jobs.evaluate_models [--generator FILE] [--scorer FILE]

Prints the figures of the model cards as JSON: PSNR, ghosts, score against true level, Frechet distances.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ._entry import run


def main(
    generator: Annotated[str, typer.Option(help="`rooms` or a file.")] = "rooms",
    scorer: Annotated[str, typer.Option(help="`rooms` or a file.")] = "rooms",
    count: Annotated[int, typer.Option(help="Held-out rooms.", min=64)] = 1000,
    grid: Annotated[Path | None, typer.Option(help="Where to write a grid of renders and samples (PNG).")] = None,
) -> None:
    """Evaluate on latents that training has not seen in any form."""
    import torch

    from higan_cam.generate import StyleGAN2, load_generator
    from higan_cam.label import LightingScorer, load_scorer
    from higan_cam.rooms import level, render
    from higan_cam.train.distill.evaluate import feature_distances, image_metrics, level_metrics, scorer_metrics
    from higan_cam.train.distill.export import save_samples
    from higan_cam.train.distill.latents import held_out_latents
    from higan_cam.train.distill.worlds import toy_world

    torch.set_num_threads(1)
    network, judge = load_generator(generator), load_scorer("lighting", scorer)
    if not isinstance(network, StyleGAN2) or not isinstance(judge, LightingScorer):
        raise typer.BadParameter("expected a StyleGAN2 generator of rooms and the lighting scorer")
    z = held_out_latents(count)
    figures = {
        "held_out_rooms": count,
        "generator": image_metrics(network, count),
        "scorer_on_renders": scorer_metrics(judge, render(z, judge.input_size), level(z)),
        "scorer_on_samples_against_true_level": level_metrics(network, judge, count),
        "frechet_in_scorer_features": feature_distances(network, judge, count),
    }
    if grid is not None:
        save_samples(network, grid, toy_world("rooms"))
    print(json.dumps(figures, indent=2, sort_keys=True))


if __name__ == "__main__":
    run(main)
