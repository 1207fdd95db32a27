"""The commands that make a run: all of it, or one stage."""

from __future__ import annotations

import logging
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from higan_cam.cli.options import Config, Output, Profile, Set, check_whole, load, say, with_ray
from higan_cam.config import RunConfig, UpscaleConfig, config_hash
from higan_cam.config.attributes import members
from higan_cam.config.words import LIT_WORLD, scene_of
from higan_cam.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (run, label, fit, invert, mask, report):
        app.command()(command)


def run(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Run all stages: label, fit, mask, report. Interrupt it at will; the same command goes on.

    On pictures (`source.kind=pictures`) a code is found for each of them before the masks.
    """
    settings = load(config, set_, output, profile)
    inverts = ("invert",) if settings.source.kind == "pictures" else ()
    _stages(settings, ("label", "fit", *inverts, "mask", "report"))


def label(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Sample latents, generate images and score them."""
    _stages(load(config, set_, output, profile), ("label",))


def fit(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Fit the boundary between the highest and the lowest scores of a labelled run."""
    _stages(load(config, set_, output, profile), ("fit",))


def invert(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Find the generator's code of each picture (`source.pictures`), and say how good it is."""
    settings = load(config, set_, output, profile)
    if settings.source.kind != "pictures":
        raise ConfigError("nothing to invert: set source.kind=pictures and source.pictures=FOLDER")
    _stages(settings, ("invert",))


def mask(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Make the dataset: edited pairs, heat maps, regions, masks (fits the boundary first if there is none)."""
    _stages(load(config, set_, output, profile), ("fit", "mask"))


def report(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Draw report/index.html, the gallery and the dataset card again, from what the run has written."""
    _stages(load(config, set_, output, profile), ("report",))


def _stages(config: RunConfig, stages: tuple[str, ...]) -> None:
    from higan_cam.runtime.imports import quick_imports

    config = config.model_copy(update={"upscale": UpscaleConfig()})  # of another command
    console = Console(emoji=False)
    if console.is_terminal:
        logging.getLogger("higan_cam").setLevel(logging.WARNING)
    console.print(
        f"run [bold]{escape(config.output)}[/bold]  config {config_hash(config)[:12]}  stages {', '.join(stages)}"
    )
    if config.generator.weights != LIT_WORLD:
        _say_words(console, config)
    with with_ray(config.runtime) as head:
        with quick_imports():  # PyTorch, seconds of it, in which Ray comes up
            from higan_cam.runtime.several import run_all
            from higan_cam.train.student.refine import learn

        outcome = run_all(config, stages, console, head, learn)
    _summarise(console, config, outcome, stages)
    check_whole(outcome.problems)


def _say_words(console: Console, config: RunConfig) -> None:
    """The words for others' pictures: they are part of the run, and cannot be changed later."""
    from higan_cam.publish.captions import example

    weights = config.generator.weights
    scene = scene_of(weights)
    known = f"what {weights} draws is not known" if scene is None else f"{weights} is known to draw: {scene}"
    say(console, f"words    {known}; captions and instructions will say:")
    for name, each in members(config).items():
        for words in example(each.publish.captions, name):
            say(console, f'         "{words}"')
    say(console, "         set publish.captions (scene, subject, levels, templates) to say more")


def _summarise(console: Console, config: RunConfig, outcome: Any, stages: tuple[str, ...]) -> None:
    """What was made, where, and what to do next."""
    from higan_cam.publish.report.next_commands import load_line, verify_line
    from higan_cam.store.keys import (
        CARD_KEY,
        CODES,
        DATA,
        GALLERY_KEY,
        PILOT,
        REPORT_KEY,
        RUN_KEY,
        STUDENT_KEY,
        boundary_keys,
    )

    table = Table("stage", "made", "seconds", box=None, pad_edge=False)
    runs = members(config)
    boundaries = (f"{f'{name}/' if config.attributes else ''}{boundary_keys(each)[0]}" for name, each in runs.items())
    made = {
        "label": f"{outcome.samples.get('label', 0):,} latents labelled",
        "fit": ", ".join(boundaries),
        "invert": f"{outcome.samples.get('invert', 0):,} pictures in {CODES}/",
        "choose": f"the attribution, in {RUN_KEY}",
        "pilot": f"{outcome.samples.get('pilot', 0):,} samples in {PILOT}/",
        "student": STUDENT_KEY,
        "mask": f"{outcome.samples.get('mask', 0):,} samples in {DATA}/",
        "report": f"{REPORT_KEY}, {GALLERY_KEY}, {CARD_KEY}",
    }
    before = tuple(name for name in ("choose", "pilot", "student") if name in outcome.seconds)
    for stage in (each for name in stages for each in ((*before, name) if name == "mask" else (name,))):
        table.add_row(stage, made[stage], f"{outcome.seconds.get(stage, 0.0):.1f}")
    console.print()
    console.print(table)
    if "report" in stages:
        say(console, f"\nreport   {outcome.report}")
        say(console, f"check    {verify_line(config.output)}")
        for run in runs.values():
            say(console, f"load     {load_line(run)}")
    else:
        console.print("\nnext     higan-cam run with the same configuration does what is missing")
