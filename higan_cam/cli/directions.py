"""`higan-cam directions`: directions that nobody has labelled, as files, with a sheet of what they change."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from higan_cam.cli.measure import recorded_networks
from higan_cam.cli.options import Run, Weights, parse_distances, parse_indices, say
from higan_cam.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from higan_cam.config import RunConfig
    from higan_cam.manipulate.directions import Direction
    from higan_cam.measure.directions import Effect
    from higan_cam.pipeline import Models
    from higan_cam.pipeline.directions import TextAsked
    from higan_cam.publish.sheets.strips import StripSection
    from higan_cam.store import Store


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(directions)


def directions(
    run: Run,
    *,
    method: Annotated[str, typer.Option(help="sefa, ganspace, stylespace, text or words.")] = "sefa",
    count: Annotated[int, typer.Option(min=1, help="Directions, the first ones by the method's own order.")] = 8,
    layers: Annotated[str, typer.Option(help="w+ rows that they move: all, 6-11.")] = "all",
    output: Annotated[str | None, typer.Option("--output", "-o", help="Folder or URI; default: the run.")] = None,
    index: Annotated[str, typer.Option(help="Samples on the sheet, as 0-3,7.")] = "0-1",
    steps: Annotated[str, typer.Option(help="On the sheet, in spreads along each direction.")] = "-2,-1,0,1,2",
    samples: Annotated[int, typer.Option(min=2, help="Of the run's latents, to measure changes on.")] = 32,
    codes: Annotated[int, typer.Option(min=2, max=1_000_000, help="Codes for ganspace, and for spreads.")] = 4096,
    looks: Annotated[int, typer.Option(min=2, help="stylespace, text, words: samples that are moved, one by one.")] = 6,
    by_score: Annotated[
        bool, typer.Option("--by-score", help="stylespace: what moves the run's score, not what is local.")
    ] = False,
    near: Annotated[
        str | None,
        typer.Option(
            help="stylespace: what answers in this box, in shares of the sides.", metavar="LEFT,TOP,WIDTH,HEIGHT"
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", "--to", help="text, words: what is wanted, as 'a red blanket'.")
    ] = None,
    neutral: Annotated[str | None, typer.Option("--from", help="text, words: what is there, as 'a blanket'.")] = None,
    clip: Annotated[
        str | None,
        typer.Option(help="text, words: rooms (embedded), or an open_clip file; default: the generator's own."),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option("--clip-arch", help="text, words: its name, such as ViT-B-32; default: beside it."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="words: leave out channels that answer less than this share.")
    ] = None,
    scorer: Annotated[
        list[str] | None, typer.Option("--scorer", help="Further score, without weights, to watch. Repeatable.")
    ] = None,
    weights: Weights = None,
) -> None:
    """Find directions without labels: SeFa, GANSpace, channels of StyleSpace, or a text's (by descent: text; by style
    channels: words); see what each changes.

    Writes directions/ with a file per direction, which goes wherever a boundary goes, a table and a sheet of strips.
    """
    from dataclasses import replace

    from higan_cam.config import parse_layers
    from higan_cam.label import load_scorer
    from higan_cam.measure.directions import effect_of
    from higan_cam.pipeline.directions import Asked, find_directions
    from higan_cam.store import open_store

    if method != "stylespace" and (by_score or near):
        raise ConfigError("--by-score and --near choose among channels: they need --method stylespace")
    wanted = _wanted(method, text, neutral, clip, arch)
    if threshold is not None and method != "words":
        raise ConfigError("--threshold leaves style channels out: it needs --method words")
    if by_score and near:
        raise ConfigError("--by-score and --near are two orders of the same channels: give one of them")
    shown = parse_indices(index), parse_distances(steps, "--steps")
    source = open_store(run)
    config, models, _ = recorded_networks(source, weights)
    if layers == "auto":
        raise ConfigError("--layers: no file recommends rows here; name them, such as 6-11, or all")
    rows = parse_layers(layers, models.generator.num_layers, (), "--layers")
    told = None if wanted is None else _with_network(wanted, config, threshold)
    asked = Asked(count, rows, codes=codes, looks=looks, by_score=by_score, near=_box(near), text=told)
    watched = [load_scorer(name) for name in scorer or ["luminance", "warmth", "edge_density"]]
    store = source if output is None else open_store(output)  # what is wrong is said before the work
    found = find_directions(models, config, method, replace(asked, store=store))
    effects = [effect_of(models, config, each, range(samples), watched) for each in found]
    sheet = _sheet(models, config, list(zip(found, effects, strict=True)), shown)
    _write(store, method, found, effects, sheet)


def _wanted(method: str, text: str | None, neutral: str | None, clip: str | None, arch: str | None) -> TextAsked | None:
    """The text that is asked for. ConfigError: a part of it is missing, or another method has no use for it."""
    from higan_cam.pipeline.directions import TextAsked

    given = {"--text": text, "--from": neutral}
    if method not in ("text", "words"):
        named = [name for name, value in {**given, "--clip": clip, "--clip-arch": arch}.items() if value is not None]
        if named:
            raise ConfigError(f"{named[0]} says what to look for in words: it needs --method text or words")
        return None
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ConfigError(f"--method {method} needs {', '.join(missing)}: what is wanted, and what is there")
    return TextAsked(str(text), str(neutral), clip or "", arch)


def _with_network(wanted: TextAsked, config: RunConfig, threshold: float | None) -> TextAsked:
    """With the network that knows the generator's pictures, unless one is named. ConfigError: none is embedded."""
    from dataclasses import replace

    from higan_cam.weights.embedded import EMBEDDED_TEXTS, knows

    if threshold is not None:
        wanted = replace(wanted, threshold=threshold)
    if wanted.weights:
        return wanted
    for name, network in EMBEDDED_TEXTS.items():
        if knows(network, config.generator.weights):
            return replace(wanted, weights=name)
    raise ConfigError(
        f"--clip: no embedded network knows what the generator {config.generator.weights!r} draws; name the file of an "
        f"open_clip model ({', '.join(EMBEDDED_TEXTS)} is of procedural rooms)"
    )


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    """`0.6,0,0.2,0.3` -> the box. ConfigError: not four shares, or a box outside the picture."""
    if text is None:
        return None
    try:
        left, top, width, height = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--near must be four shares such as 0.6,0,0.2,0.3, got {text!r}") from error
    if not (0 <= left < left + width <= 1 and 0 <= top < top + height <= 1):
        raise ConfigError(f"--near must lie within the picture, 0 to 1 on both sides, got {text!r}")
    return left, top, width, height


def _sheet(
    models: Models,
    config: RunConfig,
    found: Sequence[tuple[Direction, Effect]],
    shown: tuple[tuple[int, ...], tuple[float, ...]],
) -> bytes:
    from higan_cam.publish.sheets.strips import draw_strips

    notes = [
        f"generator {config.generator.weights}, seed {config.seed}; under the pictures: code units",
        "per spread: scores that move, with their 95% intervals over samples; last: where pictures change",
    ]
    return draw_strips("higan-cam directions", notes, [_section(models, config, *each, shown) for each in found])


def _section(
    models: Models,
    config: RunConfig,
    direction: Direction,
    effect: Effect,
    shown: tuple[tuple[int, ...], tuple[float, ...]],
) -> StripSection:
    """A strip per sample; behind the first one the heat."""
    from dataclasses import replace

    from higan_cam.measure.directions import place_text, scores_text
    from higan_cam.pipeline.editing import moved, pictures
    from higan_cam.publish.sheets.contact_sheet import coloured
    from higan_cam.publish.sheets.strips import StripSection

    indices, steps = shown
    own_rows = config.model_copy(update={"edit": config.edit.model_copy(update={"layers": "auto"})})
    distances = [round(step * float(direction.figures["spread"]), 2) for step in steps]
    moves = moved(models, own_rows, [(direction.boundary, 1.0)], indices, distances)
    first, *others = pictures(models, config, moves, scores=True)
    heat = coloured(effect.answer.map / max(float(effect.answer.map.max()), 1e-12), first.pictures[0].shape[0])
    with_heat = replace(
        first,
        heading=f"{first.heading}; {scores_text(direction, effect)}",
        pictures=[*first.pictures, heat],
        captions=[*first.captions, ("mean change",)],
    )
    return StripSection(f"{direction.name}: {place_text(direction, effect)}", [with_heat, *others])


def _write(store: Store, method: str, found: Sequence[Direction], effects: Sequence[Effect], sheet: bytes) -> None:
    """The files, the table, the sheet; then what they are called."""
    from higan_cam.manipulate import encode_boundary
    from higan_cam.measure.directions import effect_row, place_text, scores_text
    from higan_cam.store.canonical import canonical_json
    from higan_cam.store.keys import direction_keys, directions_keys

    console = Console(emoji=False)
    rows: list[dict[str, Any]] = []
    for direction, effect in zip(found, effects, strict=True):
        for key, body in zip(direction_keys(direction.name), encode_boundary(direction.boundary), strict=True):
            store.put(key, body)
        rows.append({**effect_row(direction, effect), "file": direction_keys(direction.name)[0]})
        say(console, f"{direction.name}  {place_text(direction, effect)}; {scores_text(direction, effect)}")
    table_key, sheet_key = directions_keys(method)
    store.put(table_key, canonical_json({"method": method, "directions": rows}))
    store.put(sheet_key, sheet)
    say(console, f"table    {store.uri}/{table_key}")
    say(console, f"sheet    {store.uri}/{sheet_key}")
    far = 2 * float(found[0].figures["spread"])
    file = shlex.quote(f"{store.uri}/{rows[0]['file']}")
    say(console, f"look     higan-cam edit --boundary {file} --distances={-far:.3g},0,{far:.3g}")
