"""`higan-cam edit`: strips of edited, mixed or interpolated pictures, of a configuration or of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from higan_cam.cli.options import Config, Weights, parse_distances, parse_indices, parse_weighted, write_file
from higan_cam.config import RunConfig, load_config, parse_config
from higan_cam.errors import ConfigError
from higan_cam.weights.embedded import EMBEDDED_SCORERS, knows

if TYPE_CHECKING:
    from higan_cam.pipeline import Models
    from higan_cam.publish.sheets.strips import StripSection
    from higan_cam.types import Boundary

WAYS = ("--boundary", "--boundary-list", "--mix", "--interpolate")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(edit)


def edit(
    *,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Samples of this run, by its networks; pictures, if it is on pictures."),
    ] = None,
    config: Config = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="Generator, truncation, scorer, seed. Repeatable.", metavar="FIELD=VALUE"),
    ] = None,
    boundary: Annotated[
        list[str] | None,
        typer.Option("--boundary", "-b", help="Move along it. Several are added up.", metavar="FILE[:WEIGHT]"),
    ] = None,
    boundary_list: Annotated[
        Path | None, typer.Option("--boundary-list", help="HiGAN's list: strips along each of its boundaries.")
    ] = None,
    mix: Annotated[str | None, typer.Option(help="Style mixing of two samples, both ways.", metavar="A,B")] = None,
    interpolate: Annotated[str | None, typer.Option(help="A line between two samples.", metavar="A,B")] = None,
    index: Annotated[str, typer.Option(help="Samples to move, as 0-3,7.")] = "0-3",
    distances: Annotated[str, typer.Option(help="Code units, as --distances=-3,0,3.")] = "-3,-2,-1,0,1,2,3",
    layers: Annotated[str, typer.Option(help="w+ rows that move: auto (what each boundary says), all, 6-11.")] = "",
    rows: Annotated[str | None, typer.Option(help="--mix: w+ rows to exchange, as 0-5.")] = None,
    resolutions: Annotated[str | None, typer.Option(help="--mix: the same by pixels, as 4-16.")] = None,
    steps: Annotated[int, typer.Option(min=2, max=64, help="--interpolate: pictures, both ends included.")] = 7,
    scores: Annotated[
        bool | None, typer.Option("--scores/--no-scores", help="Write scores; default: where the scorer fits.")
    ] = None,
    to: Annotated[Path, typer.Option(help="Where to draw.")] = Path("edit.png"),
    weights: Weights = None,
) -> None:
    """Draw edits as strips of pictures: along boundaries, between two samples, or two samples mixed.

    Samples are those of a run with the same seed and generator: `--index 5` is its sample 5. With `--run` they are that
    run's, the codes of its pictures included, and its own boundary moves them where no other is named.
    """
    from higan_cam.publish.sheets.strips import draw_strips

    chosen = [way for way, given in zip(WAYS, (boundary, boundary_list, mix, interpolate), strict=True) if given]
    if len(chosen) > 1 or not (chosen or run):
        raise ConfigError(f"edit takes one of {', '.join(WAYS)}; got {' and '.join(chosen) or 'none'}")
    if run and (config or set_):
        raise ConfigError("--run brings its own configuration: leave out --config and --set")
    pair = _two(mix, "--mix") if mix else _two(interpolate, "--interpolate") if interpolate else None
    moves = parse_indices(index), parse_distances(distances)
    if run:
        source = _of_run(run, weights, pair or moves[0], layers, scores)
    else:
        own = [*(set_ or []), *([f"edit.layers={layers}"] if layers else [])]
        source = _of_configuration(load_config(config, own), scores)
    if pair is not None:
        crossed = _mixed_rows(source.models, rows, resolutions) if mix else None
        sections = [_pair(source, pair, crossed, steps)]
    else:
        sections = _along(source, _groups(boundary, boundary_list, source.boundary), moves)
    title = " ".join(["higan-cam edit", *(["--run"] if run else []), *chosen])
    write_file(to, draw_strips(title, [*source.about, *source.notes], sections))
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"drawn    {sum(len(s.pictures) for each in sections for s in each.strips)} pictures")
    for note in source.notes:
        console.print(escape(note))
    console.print(f"sheet    {escape(str(to))}")


@dataclass(frozen=True)
class _Source:
    """What is drawn: networks, with the codes of pictures where there are such, and what the sheet says of them.

    Attributes:
        boundary: the run's own; None without a run, or before its fit.
        about: on the sheet alone. notes: there and on the console.
    """

    models: Models
    config: RunConfig
    scored: bool
    boundary: Boundary | None
    about: Sequence[str]
    notes: Sequence[str]


def _of_configuration(config: RunConfig, scores: bool | None) -> _Source:
    from higan_cam.pipeline.devices import models_here

    scored = _scorer_fits(config) if scores is None else scores
    about = [f"generator {config.generator.weights}, seed {config.seed}"]
    return _Source(models_here(config), config, scored, None, about, _score_note(config, scored))


def _of_run(run: str, weights: list[Path] | None, indices: Sequence[int], layers: str, scores: bool | None) -> _Source:
    """A run's networks and codes. ConfigError: a picture that it has not, or that has no code."""
    from higan_cam.cli.measure import recorded_networks
    from higan_cam.pipeline.photos import with_codes
    from higan_cam.runtime.workers.inputs import codes_of_pictures
    from higan_cam.store import open_store

    store = open_store(run)
    config, models, boundary = recorded_networks(store, weights)
    if layers:
        config = parse_config({**config.model_dump(), "edit": {**config.edit.model_dump(), "layers": layers}})
    about = [f"run {run}"]
    if config.source.kind == "pictures":
        codes = codes_of_pictures(config, store, indices)
        models = with_codes(models, codes)
        about += [f"picture {code.index}: {code.key}{f' ({code.reason})' if code.reason else ''}" for code in codes]
    scored = scores is not False
    scale = "as the run's samples have them" if boundary else "on its own scale"
    notes = [f"scores by {config.scorer.describe()}, {scale}"] if scored else []
    return _Source(models, config, scored, boundary, about, notes)


def _groups(
    boundaries: Sequence[str] | None, listed: Path | None, own: Boundary | None
) -> dict[str, list[tuple[Boundary, float]]]:
    """{title: weighted boundaries to add up}: those named, each of the list, or the run's own."""
    from higan_cam.manipulate import load_boundary, read_boundary_list
    from higan_cam.pipeline.editing import as_listed

    if listed is not None:
        return {
            f"{each.name} ({each.space})": [(as_listed(load_boundary(each.path), each.name, each.space), 1.0)]
            for each in read_boundary_list(listed)
        }
    if boundaries:
        weighted = [(load_boundary(path), weight) for path, weight in map(parse_weighted, boundaries)]
    elif own is not None:
        weighted = [(own, 1.0)]
    else:
        raise ConfigError("the run has no boundary yet: name one with --boundary, or make it with `higan-cam fit`")
    title = " + ".join(f"{weight:g} x {each.attribute}" for each, weight in weighted)
    return {title if len(weighted) > 1 or weighted[0][1] != 1 else weighted[0][0].attribute: weighted}


def _along(
    source: _Source,
    groups: dict[str, list[tuple[Boundary, float]]],
    moves: tuple[tuple[int, ...], tuple[float, ...]],
) -> list[StripSection]:
    """A section for each group of boundaries."""
    from higan_cam.pipeline.editing import check_room, moved, pictures
    from higan_cam.publish.sheets.strips import StripSection

    models, config, scores = source.models, source.config, source.scored
    shown = {title: moved(models, config, group, *moves) for title, group in groups.items()}
    check_room(shown.values())
    return [StripSection(title, pictures(models, config, each, scores=scores)) for title, each in shown.items()]


def _pair(source: _Source, pair: tuple[int, int], crossed: tuple[int, ...] | None, steps: int) -> StripSection:
    """Two samples mixed by these rows, or the line between them."""
    from higan_cam.pipeline.editing import between, mixed, pictures
    from higan_cam.publish.sheets.strips import StripSection

    models, config = source.models, source.config
    if crossed is None:
        shown, title = between(models, config, pair, steps), "Interpolation in w+"
    else:
        shown, title = mixed(models, config, pair, crossed), "Style mixing"
    return StripSection(title, pictures(models, config, shown, scores=source.scored))


def _mixed_rows(models: Models, rows: str | None, resolutions: str | None) -> tuple[int, ...]:
    from higan_cam.config import parse_layers
    from higan_cam.manipulate import rows_at

    generator = models.generator
    if (rows is None) == (resolutions is None):
        raise ConfigError("--mix takes either --rows, such as 0-5, or --resolutions, such as 4-16")
    if rows is not None:
        return parse_layers(rows, generator.num_layers, (), "--rows")
    low, _, high = str(resolutions).partition("-")
    if not (low.isdecimal() and (high or low).isdecimal()):
        raise ConfigError(f"--resolutions must be pixels such as 4-16, got {resolutions!r}")
    return rows_at(int(low), int(high or low), generator.layer_resolutions, generator.num_layers)


def _two(text: str, name: str) -> tuple[int, int]:
    samples = parse_indices(text, name)
    if len(samples) != 2:
        raise ConfigError(f"{name} takes two samples, such as 3,5, got {text!r}")
    return samples[0], samples[1]


def _scorer_fits(config: RunConfig) -> bool:
    """Whether the scorer knows such pictures: an embedded one knows those of its own world's generators alone."""
    scorer = EMBEDDED_SCORERS.get(config.scorer.weights) if config.scorer.name == "lighting" else None
    return scorer is None or knows(scorer, config.generator.weights)


def _score_note(config: RunConfig, scored: bool) -> list[str]:
    if scored:
        return [f"scores by {config.scorer.describe()}, on its own scale"]
    if _scorer_fits(config):
        return []
    return ["no scores: the embedded scorer knows the embedded rooms only; name one with --set scorer.name=…"]
