"""Measure a generator and a scorer on held-out latents: python -m jobs.evaluate_models [--generator FILE]

Prints the figures of the model cards as JSON. Rooms: PSNR, ghosts, score against true level, Frechet distances. Faces
(`--world faces`, without a scorer): PSNR, and how properties of samples agree with the truth.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._entry import run

if TYPE_CHECKING:
    from higan_cam.generate import StyleGAN2


def main(
    generator: Annotated[str, typer.Option(help="`rooms`, `faces` or a file; the world's own if not given.")] = "",
    scorer: Annotated[str, typer.Option(help="`rooms` or a file.")] = "rooms",
    count: Annotated[int, typer.Option(help="Held-out latents.", min=64)] = 1000,
    grid: Annotated[Path | None, typer.Option(help="Where to write a grid of renders and samples (PNG).")] = None,
    world: Annotated[str, typer.Option(help="Whose pictures the generator draws: rooms or faces.")] = "rooms",
) -> None:
    """Evaluate on latents that training has not seen in any form."""
    import torch

    from higan_cam.generate import StyleGAN2, load_generator
    from higan_cam.train.distill.export import save_samples
    from higan_cam.train.distill.worlds import toy_world

    torch.set_num_threads(1)
    toy, network = toy_world(world), load_generator(generator or world)
    if not isinstance(network, StyleGAN2) or network.z_dim != toy.z_dim:
        raise typer.BadParameter(f"expected a StyleGAN2 generator of {world}")
    figures = {"held_out": count, "generator": toy.measure(network, count)}
    if world == "rooms":
        figures |= _of_scorer(network, scorer, count)
    if grid is not None:
        save_samples(network, grid, toy)
    print(json.dumps(figures, indent=2, sort_keys=True))


def _of_scorer(network: StyleGAN2, scorer: str, count: int) -> dict[str, Any]:
    from higan_cam.label import LightingScorer, load_scorer
    from higan_cam.rooms import level, render
    from higan_cam.train.distill.evaluate import feature_distances, level_metrics, scorer_metrics
    from higan_cam.train.distill.latents import held_out_latents

    judge = load_scorer("lighting", scorer)
    if not isinstance(judge, LightingScorer):
        raise typer.BadParameter("expected the lighting scorer")
    z = held_out_latents(count)
    return {
        "scorer_on_renders": scorer_metrics(judge, render(z, judge.input_size), level(z)),
        "scorer_on_samples_against_true_level": level_metrics(network, judge, count),
        "frechet_in_scorer_features": feature_distances(network, judge, count),
    }


if __name__ == "__main__":
    run(main)
