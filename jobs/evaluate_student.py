"""Measure a student of rooms against known light: python -m jobs.evaluate_student --dataset runs/demo [--student FILE]

Photos are renders of rooms that no run and no training has seen, in grades: G1 clean, G2 as a camera takes them, G3
also in colours that no generator has drawn, and clean with every lamp off. Prints the figures of the model card as
JSON: the student beside its labels (the run's own edit of the same latents) and two constant maps; and where a lamp
could hang that is not there, by the heat of similar rooms, beside those who are told the room's layout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._entry import run

if TYPE_CHECKING:
    from higan_cam.mask.student import Student
    from higan_cam.pipeline.bank import Bank
    from higan_cam.types import FloatArray


def main(
    dataset: Annotated[str, typer.Option(help="The run of rooms that it learned from: its labels, and their mean.")],
    student: Annotated[str, typer.Option(help="`rooms` or a file.")] = "rooms",
    count: Annotated[int, typer.Option(help="Photos of each grade.", min=20)] = 250,
    json_: Annotated[Path | None, typer.Option("--json", help="File for the figures; else they are printed.")] = None,
) -> None:
    """Evaluate on photos that nothing else uses."""
    import torch

    from higan_cam.cli.measure import recorded
    from higan_cam.cli.options import write_file
    from higan_cam.errors import HiganCamError
    from higan_cam.mask.student import load_student
    from higan_cam.measure.absent import heat_of_layouts, light_of_layouts
    from higan_cam.measure.students import mean_light, measure_student
    from higan_cam.pipeline.bank import bank_shards, make_bank
    from higan_cam.rooms.photos import PHOTO_SEED, POOL_SEED
    from higan_cam.store.store import open_store
    from higan_cam.train.student.lessons import mean_heat, read_lessons

    torch.set_num_threads(1)
    try:
        store, network = open_store(dataset), load_student(student)
        labels = recorded(store, None)
        lessons = read_lessons(store, "train", network.side)
        shards = bank_shards(store, network)
        bank = make_bank(store, shards, network)
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    constants = {"mean heat of the run": mean_heat(lessons), "mean true light": mean_light(POOL_SEED, 512)}
    config, models, boundary = labels
    result = measure_student(
        network,
        labels=(models, config, boundary),
        constants=constants,
        config=config,
        count=count,
        seed=PHOTO_SEED,
    )
    oracles = {
        "mean heat of the same layout": heat_of_layouts(store, shards, config.seed),
        "mean true light of the same layout": light_of_layouts(POOL_SEED, 512),
    }
    figures = {**result.to_json(), "absent lamps": _absent(network, bank, oracles, count, PHOTO_SEED)}
    text = f"{json.dumps(figures, indent=2, sort_keys=True, allow_nan=False)}\n"
    if json_ is None:
        print(text)
    else:
        write_file(json_, text.encode(), "--json")


def _absent(student: Student, bank: Bank, oracles: Mapping[str, FloatArray], count: int, seed: int) -> dict[str, Any]:
    """On the light of lamps that are not there, by method, with 95% bootstrap intervals: average precision of the heat,
    and what `recommend --absent` makes of it.

    Args:
        oracles: (2,h,h) each, a map for each layout, given to rooms whose layout is told and not seen.
    """
    from dataclasses import asdict

    import numpy as np

    from higan_cam.generate.images import from_uint8
    from higan_cam.measure.absent import absent_figures, absent_lamps, place_figures
    from higan_cam.pipeline.recommend import answer_of

    known = absent_lamps(seed, count)
    answers = [answer_of(student, bank, image, known.images.shape[1]) for image in known.images]
    heats = {
        "mean heat of the run": bank.mean[None],
        "heat of the most similar": np.stack([heat for heat, _ in answers]),
        "student": student.heat(from_uint8(known.images)).numpy(),
        **{f"oracle: {name}": maps[known.layout] for name, maps in oracles.items()},
    }
    figures = {name: asdict(each) for name, each in absent_figures(heats, known, seed).items()}
    return figures | {"places": {name: asdict(each) for name, each in place_figures(answers, known, seed).items()}}


if __name__ == "__main__":
    run(main)
