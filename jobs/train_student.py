"""Train a student: python -m jobs.train_student --dataset runs/demo --output runs/student [--labelled FOLDER]

Trains a small network that says of a picture alone where the attribute answers, on the datasets of one or more runs, on
your own pictures with masks (FOLDER/images/NAME.jpg, FOLDER/masks/NAME.png), or on both, with Ray Train. Interrupt it
at will: the same command goes on from the last checkpoint. Leaves `student.safetensors`, `student.onnx` (with
`pip install 'higan-cam[onnx]'`) and `metrics.json` in the output folder.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.student.settings import StudentSettings

from ._entry import run

log = logging.getLogger(__name__)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints, figures and the finished weights.")],
    *,
    dataset: Annotated[list[str] | None, typer.Option(help="Output folder or URI of a run. Repeatable.")] = None,
    labelled: Annotated[Path | None, typer.Option(help="Folder with images/ and masks/ of the same names.")] = None,
    attribute: Annotated[str | None, typer.Option(help="What the masks are of, where no run says it.")] = None,
    workers: Annotated[int, typer.Option(help="Data-parallel workers.", min=1)] = 1,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = StudentSettings.steps,
    batch: Annotated[int, typer.Option(help="Pictures per step.", min=1)] = StudentSettings.batch,
    side: Annotated[int, typer.Option(help="Side of the pictures, px.", min=16)] = StudentSettings.side,
    spoilt: Annotated[float, typer.Option(help="Share of examples with a camera's faults.")] = StudentSettings.spoilt,
    recolour: Annotated[float, typer.Option(help="Share of recoloured examples.")] = StudentSettings.recolour,
    labelled_share: Annotated[
        float, typer.Option(help="Share of labelled examples, beside runs.")
    ] = StudentSettings.labelled_share,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = StudentSettings.precision,
    seed: Annotated[int, typer.Option(help="Seed of examples and initial weights.")] = StudentSettings.seed,
) -> None:
    """Train, or go on training, a student."""
    from higan_cam.store.store import open_store
    from higan_cam.train.launch import launch
    from higan_cam.train.student.export import train_and_export_student
    from higan_cam.train.student.labelled import labelled_fingerprint
    from higan_cam.train.student.lessons import attribute_of, fingerprint

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        stores = [open_store(uri) for uri in dataset or []]
        lessons = fingerprint(stores) + (labelled_fingerprint(labelled) if labelled is not None else "")
        settings = StudentSettings(
            output=str(output.resolve()),
            datasets=tuple(store.uri for store in stores),
            labelled=str(labelled.resolve()) if labelled is not None else "",
            lessons=lessons,
            attribute=attribute or attribute_of(stores),
            steps=steps,
            batch=batch,
            side=side,
            spoilt=spoilt,
            recolour=recolour,
            labelled_share=labelled_share,
            precision=precision,  # type: ignore[arg-type]
            seed=seed,
        )
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    launch(partial(train_and_export_student, settings), "train_student", output, workers)
    log.info("student=%s", output / "student.safetensors")


if __name__ == "__main__":
    run(main)
