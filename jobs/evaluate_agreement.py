"""What agreement of inversion and student says of a mask: python -m jobs.evaluate_agreement --run RUN [--count 67]

Photos are renders of rooms that no run and no training has seen, in three grades; each goes through the flow of a run
on pictures, and its mask is held against the student's and against the known light. `--json data/rooms_agreement.json`
makes the figures that reports of runs on the embedded rooms show.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ._entry import run as enter


def main(
    run: Annotated[str, typer.Option(help="A run of rooms with a boundary.")],
    student: Annotated[str, typer.Option(help="`rooms` or a file.")] = "rooms",
    count: Annotated[int, typer.Option(help="Photos of each grade.", min=1)] = 67,
    json_: Annotated[Path | None, typer.Option("--json", help="File for the figures; else they are printed.")] = None,
) -> None:
    """Evaluate on photos that nothing else uses."""
    import torch

    from higan_cam.cli.measure import recorded
    from higan_cam.cli.options import write_file
    from higan_cam.mask.student import load_student
    from higan_cam.measure.agreement import measure_agreement
    from higan_cam.pipeline.inverting import load_inverter
    from higan_cam.rooms.photos import GRADES, PHOTO_SEED
    from higan_cam.store import open_store

    torch.set_num_threads(1)
    config, models, boundary = recorded(open_store(run), None)
    found = measure_agreement(
        models,
        config,
        boundary,
        load_inverter(models, config),
        load_student(student),
        grades=GRADES,
        count=count,
        seed=PHOTO_SEED,
    )
    text = f"{json.dumps(found.to_json(), indent=1, sort_keys=True, allow_nan=False)}\n"
    if json_ is None:
        print(text)
    else:
        write_file(json_, text.encode(), "--json")


if __name__ == "__main__":
    enter(main)
