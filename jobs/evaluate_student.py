"""Measure a student of rooms against known light: python -m jobs.evaluate_student --dataset runs/demo [--student FILE]

Photos are renders of rooms that no run and no training has seen, in grades: G1 clean, G2 as a camera takes them, G3
also in colours that no generator has drawn, and clean with every lamp off. Prints the figures of the model card as
JSON: the student beside its labels (the run's own edit of the same latents) and two constant maps.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def main(
    dataset: Annotated[str, typer.Option(help="The run of rooms that it learned from: its labels, and their mean.")],
    student: Annotated[str, typer.Option(help="`rooms` or a file.")] = "rooms",
    count: Annotated[int, typer.Option(help="Photos of each grade.", min=20)] = 250,
    json_: Annotated[Path | None, typer.Option("--json", help="File for the figures; else they are printed.")] = None,
) -> None:
    """Evaluate on photos that nothing else uses."""
    import torch

    from higan_cam.cli.measure import recorded
    from higan_cam.errors import HiganCamError
    from higan_cam.mask.student import load_student
    from higan_cam.measure.students import mean_light, measure_student
    from higan_cam.rooms.photos import PHOTO_SEED, POOL_SEED
    from higan_cam.store.store import open_store
    from higan_cam.train.files import json_text
    from higan_cam.train.student.lessons import mean_heat, read_lessons

    torch.set_num_threads(1)
    try:
        store, network = open_store(dataset), load_student(student)
        config, models, boundary = recorded(store, None)
        constants = {
            "mean heat of the run": mean_heat(read_lessons(store, "train", network.side)),
            "mean true light": mean_light(POOL_SEED, 512),
        }
        labels = (models, config, boundary)
        result = measure_student(
            network, labels=labels, constants=constants, config=config, count=count, seed=PHOTO_SEED
        )
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    if json_ is not None:
        json_.write_text(json_text(result.to_json()), encoding="utf-8")
    else:
        print(json.dumps(result.to_json(), indent=2, sort_keys=True))


if __name__ == "__main__":
    typer.run(main)
