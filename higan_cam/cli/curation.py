"""The commands that look at a run's samples and choose among them: `curate` and `inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from higan_cam.cli.options import Run, write_file
from higan_cam.config import CurationConfig, load_config
from higan_cam.types import ByteArray, FloatArray

if TYPE_CHECKING:
    from higan_cam.publish.curation.labelled import Labeller


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(curate)
    app.command()(inspect)


def curate(
    output: Run,
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", "-c", help="YAML file with a `curation` section. Repeatable: a later one wins."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="One rule: curation.min_retention=0.5. Repeatable.", metavar="FIELD=VALUE"),
    ] = None,
    name: Annotated[str, typer.Option(help="Of the selection; one of this name is replaced.")] = "default",
) -> None:
    """Select the samples that are good enough to train on: curation/NAME.parquet. No shard changes.

    `higan-cam export --selection NAME` writes what a selection keeps; `higan-cam config --explain` lists the rules.
    """
    from higan_cam.publish.curation.selection import curate as curate_run
    from higan_cam.store import open_store, read_run
    from higan_cam.store.keys import selection_keys

    rules = load_config(config, set_ or []).curation
    store = open_store(output)
    score_range = None if rules.balance is None else _score_range(read_run(store)["config"]["scorer"])
    labeller = None if rules.labeller is None else _labeller(rules)
    summary = curate_run(store, rules, score_range=score_range, name=name, labeller=labeller)
    table = Table("left out because", "samples", box=None, pad_edge=False)
    for reason, count in summary.reasons:
        table.add_row(reason, f"{count:,}")
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    for word, (before, kept) in summary.levels.items():
        console.print(f"level    {escape(word)}: {kept:,} of {before:,}")
    for rule, told in summary.expected.items():
        console.print(f"expected {rule}: {told['words']}")
    console.print(f"kept     {summary.kept:,} of {summary.samples:,} samples")
    console.print(f"written  {escape(store.uri)}/{selection_keys(name)[0]}")


def inspect(
    output: Run,
    where: Annotated[
        str,
        typer.Option(help="Only samples with: retention > 0.5 and regions < 3 and status == 'ok'.", metavar="FILTER"),
    ] = "",
    sort: Annotated[str, typer.Option(help="Figure whose highest values are best.", metavar="FIGURE")] = "retention",
    count: Annotated[int, typer.Option(min=1, max=50, help="Samples of each kind: best, worst, random.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the random ones.")] = 0,
    selection: Annotated[str, typer.Option(help="Only what this selection of `curate` keeps.")] = "",
    to: Annotated[Path, typer.Option(help="Where to draw the sheet.")] = Path("contact_sheet.png"),
) -> None:
    """Draw a contact sheet of the best, the worst and random samples that a filter lets through.

    Figures: index, score, score_negative, score_positive, score_change, retention, necessity, retention_random,
    necessity_random, retention_second, necessity_second, coverage, distance_negative, distance_positive, reached (1 or
    0), regions; and in filters also status ('ok', 'empty') and split ('train', 'validation', 'test').
    """
    from higan_cam.publish.sheets.inspection import inspect_run
    from higan_cam.store import open_store

    inspection = inspect_run(open_store(output), where=where, sort=sort, count=count, seed=seed, selection=selection)
    write_file(to, inspection.sheet)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"passing  {inspection.matching:,} of {inspection.samples:,} samples")
    for kind in ("best", "worst", "random"):
        console.print(f"{kind:<8} {', '.join(map(str, getattr(inspection, kind).tolist())) or 'none'}")
    console.print(f"sheet    {escape(str(to))}")


def _labeller(rules: CurationConfig) -> Labeller:
    """The labeller of the rules, and what its held-out labels say of them."""
    import numpy as np
    import torch

    from higan_cam.generate.images import from_uint8
    from higan_cam.label.labelled.evidence import expected_above, expected_below
    from higan_cam.label.labelled.scorer import load_labeller
    from higan_cam.publish.curation.labelled import Labeller
    from higan_cam.weights.files import sha256_of
    from higan_cam.weights.zoo import path_of

    path = path_of(str(rules.labeller))
    scorer = load_labeller(path)

    def probability(pictures: ByteArray) -> FloatArray:
        with torch.inference_mode():
            return np.asarray(scorer.score(from_uint8(pictures)).numpy())

    bounds = (("min_probability", expected_above), ("max_probability", expected_below))
    limits = [(name, of, getattr(rules, name)) for name, of in bounds]
    expected = {name: of(scorer.held_out, limit) for name, of, limit in limits if limit is not None}
    digest = sha256_of(path)
    return Labeller(probability, {name: {**each.to_json(), "sha256": digest} for name, each in expected.items()})


def _score_range(scorer: dict[str, Any]) -> tuple[float, float]:
    from higan_cam.config import ScorerConfig
    from higan_cam.label import final_range, make_scorer

    config = ScorerConfig(**scorer)
    return final_range(config, make_scorer(config))
