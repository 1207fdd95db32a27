"""`higan-cam edit`: strips of edited, mixed or interpolated pictures, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from higan_cam.cli.options import Config, parse_distances, parse_indices, parse_weighted, write_file
from higan_cam.config import RunConfig, load_config
from higan_cam.errors import ConfigError
from higan_cam.weights.embedded import EMBEDDED_SCORERS, knows

if TYPE_CHECKING:
    from higan_cam.pipeline import Models
    from higan_cam.publish.sheets.strips import StripSection

WAYS = ("--boundary", "--boundary-list", "--mix", "--interpolate")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(edit)


def edit(
    *,
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
) -> None:
    """Draw edits as strips of pictures: along boundaries, between two samples, or two samples mixed.

    Samples are those of a run with the same seed and generator: `--index 5` is its sample 5.
    """
    from higan_cam.pipeline.devices import models_here
    from higan_cam.publish.sheets.strips import draw_strips

    chosen = [way for way, given in zip(WAYS, (boundary, boundary_list, mix, interpolate), strict=True) if given]
    if len(chosen) != 1:
        raise ConfigError(f"edit takes one of {', '.join(WAYS)}; got {' and '.join(chosen) or 'none'}")
    settings = load_config(config, [*(set_ or []), *([f"edit.layers={layers}"] if layers else [])])
    scored = _scorer_fits(settings) if scores is None else scores
    moves = parse_indices(index), parse_distances(distances)
    models = models_here(settings)
    if mix or interpolate:
        sections = [_pair(models, settings, mix, interpolate, rows, resolutions, steps, scored)]
    else:
        sections = _along(models, settings, boundary or [], boundary_list, moves, scored)
    where = f"generator {settings.generator.weights}, seed {settings.seed}"
    write_file(to, draw_strips(f"higan-cam edit {chosen[0]}", [where, *_score_note(settings, scored)], sections))
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"drawn    {sum(len(s.pictures) for each in sections for s in each.strips)} pictures")
    for note in _score_note(settings, scored):
        console.print(escape(note))
    console.print(f"sheet    {escape(str(to))}")


def _along(
    models: Models,
    config: RunConfig,
    boundaries: Sequence[str],
    listed: Path | None,
    moves: tuple[tuple[int, ...], tuple[float, ...]],
    scores: bool,
) -> list[StripSection]:
    """One section along the sum of the boundaries, or one for each of the list."""
    from higan_cam.manipulate import load_boundary, read_boundary_list
    from higan_cam.pipeline.editing import as_listed, check_room, moved, pictures
    from higan_cam.publish.sheets.strips import StripSection

    if listed is None:
        weighted = [(load_boundary(path), weight) for path, weight in map(parse_weighted, boundaries)]
        title = " + ".join(f"{weight:g} x {each.attribute}" for each, weight in weighted)
        groups = {title if len(weighted) > 1 or weighted[0][1] != 1 else weighted[0][0].attribute: weighted}
    else:
        groups = {
            f"{each.name} ({each.space})": [(as_listed(load_boundary(each.path), each.name, each.space), 1.0)]
            for each in read_boundary_list(listed)
        }
    shown = {title: moved(models, config, group, *moves) for title, group in groups.items()}
    check_room(shown.values())
    return [StripSection(title, pictures(models, config, each, scores=scores)) for title, each in shown.items()]


def _pair(
    models: Models,
    config: RunConfig,
    mix: str | None,
    interpolate: str | None,
    rows: str | None,
    resolutions: str | None,
    steps: int,
    scores: bool,
) -> StripSection:
    """Two samples mixed, or the line between them."""
    from higan_cam.pipeline.editing import between, mixed, pictures
    from higan_cam.publish.sheets.strips import StripSection

    if mix is None:
        shown, title = between(models, config, _two(interpolate or "", "--interpolate"), steps), "Interpolation in w+"
    else:
        pair = _two(mix, "--mix")
        shown, title = mixed(models, config, pair, _mixed_rows(models, rows, resolutions)), "Style mixing"
    return StripSection(title, pictures(models, config, shown, scores=scores))


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
