"""The command line. Heavy imports (torch, ray) happen inside the commands, so that --help is immediate."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from higan_cam.cli import curation, doctor, edit, measure, weights
from higan_cam.config import RunConfig, config_hash, load_config
from higan_cam.config.attributes import members
from higan_cam.errors import HiganCamError, QuarantinedError

app = typer.Typer(
    name="higan-cam",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Turn what a GAN has learned into training data.

Samples a generator, labels the images, finds the direction of an attribute, pushes latents to both sides of it, and
writes image pairs with the masks of where the attribute answers, as a dataset that diffusion trainers read.

Start here: **higan-cam run --output runs/demo** (offline, a few minutes on two cores).""",
)
_err = Console(stderr=True)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="YAML file; see `higan-cam config`.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Override one field: section.field=value. Repeatable.", metavar="FIELD=VALUE"),
]
Output = Annotated[str | None, typer.Option("--output", "-o", help="Folder or URI (file, s3, gs) of the run.")]
Profile = Annotated[str, typer.Option(help="`default`, or `seed` for the published HiGAN_CAM settings.")]


@app.command()
def run(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Run all stages: label, fit, mask, report. Interrupt it at will; the same command goes on."""
    _stages(_load(config, set_, output, profile), ("label", "fit", "mask", "report"))


@app.command()
def label(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Sample latents, generate images and score them."""
    _stages(_load(config, set_, output, profile), ("label",))


@app.command()
def fit(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Fit the boundary between the highest and the lowest scores of a labelled run."""
    _stages(_load(config, set_, output, profile), ("fit",))


@app.command()
def mask(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Make the dataset: edited pairs, heat maps, regions, masks (fits the boundary first if there is none)."""
    _stages(_load(config, set_, output, profile), ("fit", "mask"))


@app.command()
def report(config: Config = None, set_: Set = None, output: Output = None, profile: Profile = "default") -> None:
    """Draw report/index.html, the gallery and the dataset card again, from what the run has written."""
    _stages(_load(config, set_, output, profile), ("report",))


@app.command(name="config")
def show_config(
    config: Config = None,
    set_: Set = None,
    output: Output = None,
    profile: Profile = "default",
    explain: Annotated[bool, typer.Option("--explain", help="List every field with its meaning and default.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the effective configuration (the default).")] = True,
) -> None:
    """Print the effective configuration as YAML, or explain every field."""
    effective = _load(config, set_, output, profile)
    console = Console()
    if explain:
        console.print(_explained())
    elif show:
        print(yaml.safe_dump(effective.model_dump(mode="json"), sort_keys=False), end="")  # noqa: T201
        _err.print(
            f"[dim]config hash {config_hash(effective)[:12]} (output, curation, store and runtime do not count)[/dim]"
        )


@app.command()
def status(
    output: Annotated[str, typer.Argument(help="Folder or URI of a run.")],
    json_: Annotated[
        bool, typer.Option("--json", help="For machines: one JSON object; of several attributes, a list.")
    ] = False,
) -> None:
    """Show how far a run is and who is at work on it: from the store alone, on any machine."""
    import json

    from higan_cam.store import open_store, run_uris
    from higan_cam.store.status import read_status
    from higan_cam.store.status_text import status_lines

    store = open_store(output)
    uris = run_uris(store)
    found = [read_status(open_store(uri), None if uri == store.uri else store) for uri in uris]
    if json_:
        objects = [each.as_json() for each in found]
        print(json.dumps(objects[0] if uris == [store.uri] else objects, indent=2))  # noqa: T201
        return
    for each in found:
        print("\n".join(status_lines(each)))  # noqa: T201


@app.command()
def verify(
    output: Annotated[str, typer.Argument(help="Folder or URI of a run.")],
    remake: Annotated[int, typer.Option("--remake", min=0, help="Make N random shards again and compare.")] = 0,
    seed: Annotated[int, typer.Option(help="Chooses the shards to make again.")] = 0,
    weights: Annotated[
        list[Path] | None, typer.Option("--weights", help="Where to look for the run's weights, by digest. Repeatable.")
    ] = None,
) -> None:
    """Re-hash every committed shard of a run, say what is missing, and make some again.

    Status 0: complete and unchanged. 3: unchanged, and all that is missing is quarantined. 1: anything else.
    """
    from higan_cam.store import open_store, run_uris

    statuses = [_verified(uri, remake, seed, weights or []) for uri in run_uris(open_store(output))]
    if any(statuses):
        raise typer.Exit(1 if 1 in statuses else QuarantinedError.exit_code)


def _verified(uri: str, remake: int, seed: int, weights: list[Path]) -> int:
    """One run's exit status."""
    from higan_cam.store import open_store, verify_run
    from higan_cam.store.status import read_status
    from higan_cam.store.status_text import unfinished_lines

    store, console = open_store(uri), Console(soft_wrap=True, highlight=False)
    problems = verify_run(store)
    for problem in problems:
        _err.print(f"[red]{problem.kind}[/red] {escape(problem.key)}: {escape(problem.detail)}", soft_wrap=True)
    found = read_status(store)
    for line in unfinished_lines(found):
        _err.print(f"[yellow]unfinished[/yellow] {escape(line)}", soft_wrap=True)
    same = _remade(store, remake, seed, weights, console) if remake else True
    if problems or not same or any(set(stage.missing) - set(stage.quarantined) for stage in found.stages):
        return 1
    if not found.complete:
        return QuarantinedError.exit_code
    console.print(f"{escape(uri)} is complete, and every shard has its recorded size and digest")
    return 0


def _remade(store: Any, count: int, seed: int, weights: list[Path], console: Console) -> bool:
    """Whether every one of `count` random shards can be made again."""
    from higan_cam.runtime.remake import remake_shards

    same = True
    for shard in remake_shards(store, count, seed=seed, weights=weights, tell=_err.print):
        same = same and shard.verdict != "differing"
        colour = "red" if shard.verdict == "differing" else "green"
        console.print(f"[{colour}]{shard.verdict}[/{colour}] {escape(shard.path)} {escape(shard.detail)}".rstrip())
    return same


@app.command()
def export(
    output: Annotated[str, typer.Argument(help="Folder or URI of a finished run.")],
    target: Annotated[str, typer.Argument(help="Folder or URI to write to (file, s3, gs); empty, or this export.")],
    to: Annotated[str, typer.Option("--to", help="Format; see above.", metavar="FORMAT")],
    selection: Annotated[str | None, typer.Option(help="Only what this selection of `curate` keeps.")] = None,
    keep_empty: Annotated[bool, typer.Option("--keep-empty", help="Keep samples without a mask.")] = False,
    allow_unfinished: Annotated[bool, typer.Option("--allow-unfinished", help="Export what is there so far.")] = False,
) -> None:
    """Write a run's dataset in a trainer's format. Interrupt it at will; the same command goes on.

    FORMAT: **controlnet** (image, conditioning_image, text), **inpainting** (image, prompt, mask),
    **instruct-pix2pix** (original_image, edit_prompt, edited_image), **webdataset** (tars), **imagefolder** (pictures
    and metadata.jsonl), **kohya** (images and masks for a masked loss), **coco** (one annotation per region).
    """
    from higan_cam.publish.exports import export_run
    from higan_cam.store import open_store

    places = open_store(output), open_store(target)
    with _counted("shards") as progress:
        done = export_run(
            *places,
            to,
            selection=selection,
            keep_empty=keep_empty,
            allow_unfinished=allow_unfinished,
            progress=progress,
        )
    splits = ", ".join(f"{split} {count:,}" for split, count in done.samples.items())
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"wrote    {sum(done.samples.values()):,} samples ({splits}) to {escape(places[1].uri)}")
    if done.empty:
        console.print(f"left out {done.empty:,} samples without a mask (status: empty)")
    if selection is not None:
        console.print(f"left out {done.unselected:,} samples by the selection {escape(selection)}")
    if done.found:
        console.print(f"found    {done.found:,} of {done.found + done.made:,} shards already there")
    if done.missing:
        console.print(
            f"missing  {len(done.missing):,} shards that the run has not made yet; the same command adds them"
        )
    console.print(f"load     {escape(done.load)}")


curation.register(app)
edit.register(app)
measure.register(app)
doctor.register(app)
weights.register(app)


def main() -> None:
    """Entry point: errors made for users become one message and an exit status, without a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    for noisy in ("ray", "httpx", "fsspec", "botocore", "aiobotocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except HiganCamError as error:
        _err.print(f"[bold red]error:[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


@contextmanager
def _counted(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A line that counts up on a terminal; elsewhere nothing but the end matters."""
    with Progress(console=_err, transient=True, disable=not _err.is_terminal) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _load(path: Path | None, overrides: list[str] | None, output: str | None, profile: str) -> RunConfig:
    extra = [] if output is None else [f"output={output}"]
    config = load_config(path, [*(overrides or []), *extra], profile)
    members(config)  # what is wrong with one of several attributes is wrong with the configuration
    return config


def _stages(config: RunConfig, stages: tuple[str, ...]) -> None:
    from higan_cam.runtime.cluster.head import local_head
    from higan_cam.runtime.cluster.signals import exit_status, stoppable
    from higan_cam.runtime.imports import quick_imports

    console = Console()
    if console.is_terminal:
        logging.getLogger("higan_cam").setLevel(logging.WARNING)
    console.print(
        f"run [bold]{escape(config.output)}[/bold]  config {config_hash(config)[:12]}  stages {', '.join(stages)}"
    )
    try:
        with stoppable(), local_head(config.runtime) as head:
            with quick_imports():  # PyTorch, seconds of it, in which Ray comes up
                from higan_cam.runtime.several import run_all

            outcome = run_all(config, stages, console, head)
    except KeyboardInterrupt as error:
        _err.print("stopped; the same command goes on from here")
        raise typer.Exit(exit_status(error)) from None
    _summarise(console, config, outcome, stages)
    if outcome.problems:
        lines = "\n  ".join(outcome.problems)
        raise QuarantinedError(f"finished, but without:\n  {lines}\nThe same command tries just these again.")


def _summarise(console: Console, config: RunConfig, outcome: Any, stages: tuple[str, ...]) -> None:
    """What was made, where, and what to do next."""
    table = Table("stage", "made", "seconds", box=None, pad_edge=False)
    runs = members(config)
    made = {
        "label": f"{outcome.samples.get('label', 0):,} latents labelled",
        "fit": ", ".join(f"{f'{name}/' if config.attributes else ''}boundary/{name}.safetensors" for name in runs),
        "mask": f"{outcome.samples.get('mask', 0):,} samples in data/",
        "report": "report/index.html, report/gallery.html, README.md",
    }
    for stage in stages:
        table.add_row(stage, made[stage], f"{outcome.seconds.get(stage, 0.0):.1f}")
    console.print()
    console.print(table)
    if "report" in stages:
        console.print(f"\nreport   {escape(outcome.report)}", soft_wrap=True)
        console.print(f"check    higan-cam verify {escape(config.output)}", soft_wrap=True)
        for run in runs.values():
            console.print(f"load     datasets.load_dataset({run.output!r})", soft_wrap=True)
    else:
        console.print("\nnext     higan-cam run with the same configuration does what is missing")


def _explained() -> Table:
    table = Table("field", "default", "meaning", box=None)
    _explain_fields(table, RunConfig, "")
    return table


def _explain_fields(table: Table, section: type[BaseModel], prefix: str) -> None:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            _explain_fields(table, inner, f"{prefix}{name}.")
        else:
            default = field.default
            shown = default.model_dump() if isinstance(default, BaseModel) else default
            table.add_row(f"{prefix}{name}", repr(shown), field.description or "")
