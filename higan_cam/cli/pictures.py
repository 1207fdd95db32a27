"""Commands on people's own pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from higan_cam.cli.measure import recorded
from higan_cam.cli.options import Config, Set, Weights, check_whole, load, say, with_ray, write_file
from higan_cam.errors import ConfigError

if TYPE_CHECKING:
    from higan_cam.config.pictures import InvertConfig
    from higan_cam.measure.pairs import Inversion
    from higan_cam.runtime.run import Outcome


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(recommend)
    app.command()(light)
    app.command(name="evaluate-pairs")(evaluate_pairs)


def recommend(
    pictures: Annotated[str, typer.Argument(help="Folder, glob, zip, tar, Parquet or CSV of pictures; any URI.")],
    output: Annotated[str, typer.Argument(help="Folder or URI (file, s3, gs) for places and report.")],
    student: Annotated[str | None, typer.Option(help="`rooms` (embedded), or a file of jobs/train_student.py.")] = None,
    absent: Annotated[bool, typer.Option("--absent", help="Where it is not and could be; needs --run.")] = False,
    run: Annotated[str | None, typer.Option(help="For --absent: a run with masks, to compare with.")] = None,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Where would it go in these pictures? A student's answer, at once. The same command goes on where it stopped.

    With `--absent --run RUN`: where the run's most similar samples have heat and the student sees no light.
    """
    from higan_cam.runtime.imports import quick_imports
    from higan_cam.store.keys import PLACES

    if absent != (run is not None):
        raise ConfigError("--absent and --run RUN go together: the run's samples say where it could be that it is not")
    named = {name: value for name, value in (("weights", student), ("bank", run)) if value is not None}
    arguments = {"source": {"kind": "pictures", "pictures": pictures}, "student": named}
    settings = load(config, set_, output, "default", arguments)
    console = Console(emoji=False)
    with with_ray(settings.runtime) as head:
        with quick_imports():  # PyTorch, seconds of it, in which Ray comes up
            from higan_cam.runtime.recommend import recommend as answer

        outcome = answer(settings, console, head)
    end(console, outcome, PLACES, "places   of")


def light(
    pictures: Annotated[str, typer.Argument(help="Folder, glob, zip, tar, Parquet or CSV of pictures; any URI.")],
    output: Annotated[str, typer.Argument(help="Folder or URI (file, s3, gs) for the lit pictures and a page.")],
    *,
    gain: Annotated[list[float] | None, typer.Option(help="0 (off) to 2 (twice); repeatable. 1 unless named.")] = None,
    kelvin: Annotated[list[float] | None, typer.Option(help="Colour temperature; repeatable.")] = None,
    lamp: Annotated[str | None, typer.Option(help="A lamp cut out (PNG with transparency), to be seen.")] = None,
    places: Annotated[str | None, typer.Option(help="Output of `recommend` on these pictures; else a student.")] = None,
    composer: Annotated[
        str | None, typer.Option(help="cutout, diffusion, translator; pair: PICTURES is a run.")
    ] = None,
    student: Annotated[str | None, typer.Option(help="`rooms` (embedded), or a file of jobs/train_student.py.")] = None,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Put lamps into pictures where a student says, in pairs with words. The same command goes on where it stopped.

    Each pair differs by the light of one lamp: switched on, brighter, dimmer, warmer, cooler, off, for every gain with
    every colour. `--composer pair` takes a run on pictures in their place: the light is that of its own edits.
    """
    chosen = {"gains": gain, "kelvins": kelvin, "lamp": lamp, "places": places, "composer": composer}
    put_light(pictures, output, chosen, student, config, set_)


def put_light(
    pictures: str,
    output: str,
    chosen: Mapping[str, Any],
    student: str | None,
    config: list[Path] | None,
    set_: list[str] | None,
) -> None:
    """Light in every picture.

    Args:
        chosen: fields of `light`, None where nobody said. student: likewise.
    """
    from higan_cam.config.loading import read_fields
    from higan_cam.runtime.imports import quick_imports
    from higan_cam.store.keys import LIGHTS

    said = read_fields(config)
    usual = {} if "gains" in (said.get("light") or {}) else {"gains": [1.0]}
    # The student sees the whole picture, if nobody says else: where its square ends, so does the light.
    whole = {} if "fit" in (said.get("source") or {}) else {"fit": "pad"}
    source = {"kind": "pictures", "pictures": pictures, **whole}
    if chosen.get("composer") == "pair":
        if chosen.get("places") is not None or student is not None:
            raise ConfigError("--composer pair: the places are those of the run; leave --places and --student out")
        source, chosen = _source_of(pictures), {**chosen, "places": pictures}
    arguments = {
        "source": source,
        "student": {} if student is None else {"weights": student},
        "light": usual | {name: value for name, value in chosen.items() if value is not None},
    }
    settings = load(config, set_, output, "default", arguments)
    console = Console(emoji=False)
    with with_ray(settings.runtime) as head:
        with quick_imports():  # PyTorch, seconds of it, in which Ray comes up
            from higan_cam.runtime.light import light as put

        outcome = put(settings, console, head)
    end(console, outcome, LIGHTS, "light    in")


def _source_of(run: str) -> dict[str, Any]:
    """What a run on pictures was made of, as the configuration has it."""
    from higan_cam.pictures import frozen_listing
    from higan_cam.runtime.workers.edits import inverted_run
    from higan_cam.store import open_store

    store = open_store(run)
    return inverted_run(store).source.model_dump() | {"pictures": frozen_listing(store).source}


def end(console: Console, outcome: Outcome, stage: str, made: str) -> None:
    """How many pictures, where they and the page are; what was given up is an error at the end."""
    from higan_cam.store.keys import STAGE_NAMES

    name = STAGE_NAMES[stage]
    count, seconds = outcome.samples[name], outcome.seconds[name]
    say(console, f"{made} {count:,} pictures in {outcome.store.uri}/{stage}, {seconds:.1f} s")
    say(console, f"report   {outcome.report}")
    check_whole(outcome.problems)


def evaluate_pairs(
    pictures: Annotated[str, typer.Argument(help="Folder or archive of photographs with a lamp off and on; any URI.")],
    layout: Annotated[str, typer.Option(help="How they are named: off-on, lonoff or 3dlp.")] = "off-on",
    student: Annotated[str, typer.Option(help="`rooms` (embedded), or a file of jobs/train_student.py.")] = "rooms",
    run: Annotated[str | None, typer.Option(help="A run with a boundary, whose generator inverts them.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
    weights: Weights = None,
    set_: Set = None,
) -> None:
    """Measure a student, inversion and priors on real pairs: where does the light go once the lamp is on?

    They see the photograph without light alone. `off-on`: folders off and on with files of one name. Of `--set`, beside
    a run's own settings, `invert` and `store` count.
    """
    from higan_cam.mask.student import load_student
    from higan_cam.measure.pairs import measure_pairs
    from higan_cam.measure.tables import pair_table, pair_text
    from higan_cam.pictures import list_pictures, open_pictures

    asked = load(None, set_, None, "default")
    source, network = open_pictures(pictures, asked.store), load_student(student)
    named = any(each.startswith("invert.") for each in set_ or [])
    inversion = None if run is None else _inversion_of(run, weights, asked.invert if named else None)
    config = asked if inversion is None else inversion.config
    rows = list(list_pictures(pictures, asked.store))
    result = measure_pairs(rows, source.read, layout, network, config, inversion)
    console = Console(width=None if Console().is_terminal else 160)
    console.print(pair_table(result))
    say(console, pair_text(result))
    if json_ is not None:
        write_file(json_, f"{json.dumps(result.to_json(), indent=1, allow_nan=False)}\n".encode(), "--json")


def _inversion_of(run: str, weights: list[Path] | None, invert: InvertConfig | None) -> Inversion:
    """The networks of a run, and how well its own samples are inverted: as the run has measured it, or measured now."""
    from higan_cam.measure.pairs import Inversion
    from higan_cam.pipeline.inverting import calibrate_run, load_inverter
    from higan_cam.runtime.workers.inputs import read_calibration
    from higan_cam.store import open_store

    store = open_store(run)
    config, models, boundary = recorded(store, weights)
    known = read_calibration(store) if invert is None else None
    if invert is not None:
        config = config.model_copy(update={"invert": invert})
    return Inversion(models, config, boundary, load_inverter(models, config, known or calibrate_run(models, config)))
