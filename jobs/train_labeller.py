"""Train a labeller: python -m jobs.train_labeller --labels labels.csv --run runs/demo --output runs/labeller

Few labels of one's own become a scorer: networks of several folds with Ray Train, one temperature, and figures from
labels that were held out. `labels.csv` has the heading index,label, an index of a latent of the run and 0 or 1 in each
line; instead of it and a run, `--negative FOLDER --positive FOLDER` takes pictures. Interrupt it at will: the same
command goes on and ends in the same bytes. Leaves `labeller.safetensors`, for `scorer.name=labelled`, `metrics.json`,
`predictions.csv` and a card in the output folder.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from higan_cam.errors import HiganCamError
from higan_cam.train.labeller.settings import LabellerSettings, presented

from ._entry import run as enter

log = logging.getLogger(__name__)


def main(
    output: Annotated[Path, typer.Option(help="Folder for checkpoints, figures and the finished weights.")],
    *,
    labels: Annotated[str, typer.Option(help="CSV of index,label; with --run.")] = "",
    run: Annotated[str, typer.Option(help="Output folder or URI of the run that the indices are of.")] = "",
    negative: Annotated[list[str] | None, typer.Option(help="Pictures of label 0. Repeatable.")] = None,
    positive: Annotated[list[str] | None, typer.Option(help="Pictures of label 1. Repeatable.")] = None,
    attribute: Annotated[str, typer.Option(help="What label 1 means, such as glasses.")] = LabellerSettings.attribute,
    backbone: Annotated[
        str, typer.Option(help="resnet18, efficientnet_lite0 (fetched), gender_cnn or quality_cnn.")
    ] = LabellerSettings.backbone,
    width: Annotated[int, typer.Option(help="Channels of a ResNet18's first stage.", min=4)] = LabellerSettings.width,
    side: Annotated[int | None, typer.Option(help="Side of the pictures, px; else the backbone's own.", min=16)] = None,
    folds: Annotated[int, typer.Option(help="Networks.")] = LabellerSettings.folds,
    held_out: Annotated[float, typer.Option(help="Share of the labels kept apart.")] = LabellerSettings.held_out,
    calibration: Annotated[float, typer.Option(help="Share that fits the temperature.")] = LabellerSettings.calibration,
    epochs: Annotated[int, typer.Option(help="Passes over the pictures at most.")] = LabellerSettings.epochs,
    patience: Annotated[int, typer.Option(help="Passes without gain that stop a fold.")] = LabellerSettings.patience,
    batch: Annotated[int, typer.Option(help="Pictures per step.", min=2)] = LabellerSettings.batch,
    learning_rate: Annotated[float | None, typer.Option(help="AdamW's; else the backbone's own.")] = None,
    accept: Annotated[
        float, typer.Option(help="Loss above which a fold is trained again, as a share of knowing nothing.")
    ] = LabellerSettings.accept,
    retries: Annotated[int, typer.Option(help="How often at most.")] = LabellerSettings.retries,
    workers: Annotated[int, typer.Option(help="Workers, which share out the folds.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of parts, weights and order.", min=0)] = LabellerSettings.seed,
) -> None:
    """Train, or go on training, a labeller."""
    from higan_cam.label.labelled.networks import checked_backbone, make_classifier
    from higan_cam.train.labeller.examples import find_examples, local
    from higan_cam.train.labeller.export import finish_labeller
    from higan_cam.train.labeller.fit import fit_folds
    from higan_cam.train.labeller.parts import parts_of
    from higan_cam.train.launch import launch
    from higan_cam.weights.paths import LABELLER

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:  # here, before workers start
        usual = checked_backbone(backbone)
        settings = LabellerSettings(
            output=str(output.resolve()),
            labels=local(labels) if labels else "",
            run=local(run) if run else "",
            negative=tuple(map(local, negative or ())),
            positive=tuple(map(local, positive or ())),
            attribute=presented(attribute),
            backbone=backbone,
            width=width,
            side=usual.side if side is None else side,
            folds=folds,
            held_out=held_out,
            calibration=calibration,
            epochs=epochs,
            patience=patience,
            batch=batch,
            learning_rate=usual.learning_rate if learning_rate is None else learning_rate,
            accept=accept,
            retries=retries,
            seed=seed,
        )
        make_classifier(backbone, settings.side, width, pretrained=True)
        examples = find_examples(settings)
        parts_of(examples.labels, settings)
    except HiganCamError as error:
        raise typer.BadParameter(str(error)) from error
    for shown, reason in examples.unread.items():
        log.warning("picture=%s left out: %s", shown, reason)
    settings = replace(settings, examples=examples.digest)
    launch(partial(fit_folds, settings), "train_labeller", output, min(workers, folds))
    figures = finish_labeller(settings)
    log.info("labeller=%s", output / LABELLER)
    log.info("held_out=%s", json.dumps(figures["held out"]))


if __name__ == "__main__":
    enter(main)
