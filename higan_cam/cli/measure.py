"""The commands that measure: `rescore` (what a boundary moves) and `benchmark-masks` (masks against known light)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from higan_cam.cli.options import FittedRun, Weights, write_file
from higan_cam.errors import DataError

if TYPE_CHECKING:
    from higan_cam.config import RunConfig
    from higan_cam.pipeline import Models
    from higan_cam.publish.sheets.rescoring import Rescored
    from higan_cam.store import Store
    from higan_cam.types import Boundary, FloatArray, Scorer


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(rescore)
    app.command(name="benchmark-masks")(benchmark_masks)


def rescore(
    output: FittedRun,
    boundary: Annotated[
        list[Path] | None, typer.Option("--boundary", "-b", help="Further boundary (.safetensors, .npy). Repeatable.")
    ] = None,
    scorer: Annotated[
        list[str] | None, typer.Option("--scorer", help="Further score, without weights, to watch. Repeatable.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Of the run's latents, from the first.")] = 256,
    distance: Annotated[float, typer.Option(min=0.0, help="Code units, as HiGAN's 2.")] = 2.0,
    weights: Weights = None,
) -> None:
    """Say which rows of w+ carry the attribute, and what else a boundary changes (HiGAN's rescoring).

    Writes report/rescoring.json and report/rescoring.png into the run. `--set boundary.layers=measured` makes a run
    choose its rows this way by itself.
    """
    from higan_cam.manipulate.layer_lists import format_layers
    from higan_cam.publish.sheets.rescoring import draw_rescoring
    from higan_cam.store import open_store
    from higan_cam.store.canonical import canonical_json
    from higan_cam.store.keys import RESCORING_KEY, RESCORING_PLOT_KEY

    store = open_store(output)
    config, models, own = recorded(store, weights)
    moved = _rescored(config, models, _named(own, boundary), scorer, range(min(samples, config.label.count)), distance)
    plain = {name: _plain(each) for name, each in moved.items()}
    store.put(RESCORING_KEY, canonical_json({"distance": distance, "samples": samples, "boundaries": plain}))
    store.put(RESCORING_PLOT_KEY, draw_rescoring(moved, models.scorer.attribute, distance))
    console = Console(soft_wrap=True, highlight=False)
    for name, each in moved.items():
        console.print(_rows_table(escape(name), each))
        console.print(
            f"all rows +{each.overall:.3f}; four fifths of the sum: rows {format_layers(each.carriers) or 'none'}\n"
        )
    console.print(f"plot     {escape(store.uri)}/{RESCORING_PLOT_KEY}")


def benchmark_masks(
    output: Annotated[str | None, typer.Argument(help="A run; without one, a boundary is fitted first.")] = None,
    count: Annotated[int, typer.Option(min=20, help="Pictures.")] = 250,
    json_: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG of every heat map on the first four pictures.")] = None,
    method: Annotated[list[str] | None, typer.Option("--method", help="Only this heat map. Repeatable.")] = None,
    weights: Weights = None,
) -> None:
    """Measure heat maps and masks against the lamps that are really there (generators of rooms alone).

    Every attribution, under several settings of the regions, beside priors that have not seen the picture.
    """
    from higan_cam.config import parse_config
    from higan_cam.mask import ATTRIBUTIONS
    from higan_cam.measure.masks import benchmark_masks as measure
    from higan_cam.measure.picture import draw_comparison
    from higan_cam.measure.tables import benchmark_text, mask_tables
    from higan_cam.pipeline import label_and_fit, load_models
    from higan_cam.store import open_store

    if output is not None:
        config, models, boundary = recorded(open_store(output), weights)
    else:
        config = parse_config({"label": {"count": 6_000}, "boundary": {"tails": 500}})
        models = load_models(config)
        boundary = label_and_fit(models, config)
    methods = method or tuple(ATTRIBUTIONS)
    result = measure(models, config, boundary, count=count, methods=methods)
    console = Console(width=None if Console().is_terminal else 210)
    for table in mask_tables(result):
        console.print(table)
    console.print(benchmark_text(result))
    if json_ is not None:
        write_file(json_, f"{json.dumps(result.to_json(), indent=1, allow_nan=False)}\n".encode(), "--json")
    if picture is not None:
        write_file(picture, draw_comparison(models, config, boundary, methods), "--picture")


def recorded(store: Store, weights: list[Path] | None) -> tuple[RunConfig, Models, Boundary]:
    """Configuration, networks and boundary of a run, from what it left behind."""
    from higan_cam.errors import DataError

    config, models, boundary = recorded_networks(store, weights)
    if boundary is None:
        raise DataError(f"{store.uri}: no boundary is there yet; `higan-cam fit` with the run's configuration makes it")
    return config, models, boundary


def recorded_networks(store: Store, weights: list[Path] | None) -> tuple[RunConfig, Models, Boundary | None]:
    """As `recorded`, of a run that may not have its boundary yet: scores are on the scorer's own scale then.

    DataError: the output is of a command that has no generator.
    """
    from higan_cam.pipeline import on_final_scale
    from higan_cam.pipeline.devices import models_here
    from higan_cam.runtime.remake import with_recorded_weights
    from higan_cam.runtime.stages.fit import find_boundary
    from higan_cam.runtime.workers.student import with_own_student
    from higan_cam.store import read_run
    from higan_cam.store.run import recorded_config, with_choice

    _check_generator(store)
    config = with_recorded_weights(with_choice(recorded_config(store), store), read_run(store), weights or [])
    boundary = find_boundary(config, store)
    models = with_own_student(models_here(config), config, store)
    return config, models if boundary is None else on_final_scale(models, boundary), boundary


def _check_generator(store: Store) -> None:
    from higan_cam.store.keys import STAGE_NAMES
    from higan_cam.store.run import listed_stage

    stage = listed_stage(store)
    if stage is not None:
        raise DataError(
            f"{store.uri}: this is an output of `higan-cam {STAGE_NAMES[stage]}`, which has no generator and no codes; "
            "name one of `higan-cam run`"
        )


def _named(own: Boundary, files: list[Path] | None) -> dict[str, Boundary]:
    from higan_cam.manipulate import load_boundary

    return {own.attribute: own, **{file.stem: load_boundary(file) for file in files or []}}


def _rescored(
    config: RunConfig,
    models: Models,
    boundaries: dict[str, Boundary],
    scorers: list[str] | None,
    indices: range,
    distance: float,
) -> dict[str, Rescored]:
    import numpy as np

    from higan_cam.label import load_scorer
    from higan_cam.manipulate import entanglement
    from higan_cam.measure.response import layer_relevance

    names = list(dict.fromkeys(scorers or ["luminance", "warmth", "edge_density"]))
    others: list[Scorer] = [load_scorer(name) for name in names]
    scores = {
        name: layer_relevance(models, config, each, indices, distance, others) for name, each in boundaries.items()
    }
    change = entanglement(np.stack([each[:, :2] for each in scores.values()]))
    watched = [models.scorer.attribute, *names]
    return {
        name: _figures(name, boundaries, scores[name][..., 0], dict(zip(watched, change[row].tolist(), strict=True)))
        for row, name in enumerate(boundaries)
    }


def _figures(name: str, boundaries: dict[str, Boundary], scores: FloatArray, entangled: dict[str, float]) -> Rescored:
    from higan_cam.manipulate import relevance
    from higan_cam.publish.sheets.rescoring import Rescored

    rises = relevance(scores)
    cosines = {other: float(boundaries[name].normal @ each.normal) for other, each in boundaries.items()}
    return Rescored(rises.overall, rises.layers, rises.carriers(), entangled, cosines)


def _plain(found: Rescored) -> dict[str, Any]:
    return {
        "overall": found.overall,
        "layers": [float(value) for value in found.layers],
        "carriers": list(found.carriers),
        "entangled": dict(found.entangled),
        "cosines": dict(found.cosines),
    }


def _rows_table(name: str, found: Rescored) -> Table:
    table = Table("row", "rise", "", box=None, pad_edge=False, title=name, title_justify="left")
    most = max(float(found.layers.max()), 1e-12)
    for row, rise in enumerate(found.layers.tolist()):
        mark = "[red]" if row in found.carriers else ""
        table.add_row(str(row), f"{rise:.3f}", f"{mark}{'█' * round(40 * rise / most)}")
    return table
