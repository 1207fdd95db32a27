"""The commands that look at a run or hand it on: status, verify, export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from higan_cam.cli.options import Weights, errors
from higan_cam.errors import QuarantinedError

if TYPE_CHECKING:
    from higan_cam.store.verify import Digests, Problem


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (status, verify, export):
        app.command()(command)


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
    statuses = [read_status(open_store(uri), None if uri == store.uri else store) for uri in uris]
    if json_:
        objects = [each.as_json() for each in statuses]
        print(json.dumps(objects[0] if uris == [store.uri] else objects, indent=2))  # noqa: T201
        return
    for each in statuses:
        print("\n".join(status_lines(each)))  # noqa: T201


def verify(
    output: Annotated[str, typer.Argument(help="Folder or URI of a run.")],
    remake: Annotated[int, typer.Option("--remake", min=0, help="Make N random shards again and compare.")] = 0,
    seed: Annotated[int, typer.Option(help="Chooses the shards to make again.")] = 0,
    weights: Weights = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="Of a Ray cluster whose nodes read and hash the shards (auto, host:port).", metavar="ADDRESS"
        ),
    ] = None,
) -> None:
    """Re-hash every committed shard of a run, say what is missing, and make some again.

    Status 0: complete and unchanged. 3: unchanged, and all that is missing is quarantined. 1: anything else.
    """
    from higan_cam.store import open_store, run_uris, verify_run

    with _hashers(address) as digests:
        statuses = [
            _verified(uri, verify_run(open_store(uri), digests), remake, seed, weights or [])
            for uri in run_uris(open_store(output))
        ]
    if any(statuses):
        raise typer.Exit(1 if 1 in statuses else QuarantinedError.exit_code)


@contextmanager
def _hashers(address: str | None) -> Iterator[Digests]:
    """Who hashes: this process, or the cluster at an address."""
    from higan_cam.store.verify import digests_here

    if address is None:
        yield digests_here
        return
    from higan_cam.config import RuntimeConfig
    from higan_cam.runtime.cluster.join import cluster
    from higan_cam.runtime.verify import digests_on_cluster

    with cluster(RuntimeConfig(address=address)):
        yield digests_on_cluster


def _verified(uri: str, problems: list[Problem], remake: int, seed: int, weights: list[Path]) -> int:
    """One run's exit status."""
    from higan_cam.store import open_store
    from higan_cam.store.status import read_status
    from higan_cam.store.status_text import unfinished_lines

    store, console = open_store(uri), Console(soft_wrap=True, highlight=False)
    for problem in problems:
        errors.print(f"[red]{problem.kind}[/red] {escape(problem.key)}: {escape(problem.detail)}", soft_wrap=True)
    status = read_status(store)
    for line in unfinished_lines(status):
        errors.print(f"[yellow]unfinished[/yellow] {escape(line)}", soft_wrap=True)
    same = _remade(store, remake, seed, weights, console) if remake else True
    if problems or not same or any(set(stage.missing) - set(stage.quarantined) for stage in status.stages):
        return 1
    if not status.complete:
        return QuarantinedError.exit_code
    console.print(f"{escape(uri)} is complete, and every shard has its recorded size and digest")
    return 0


def _remade(store: Any, count: int, seed: int, weights: list[Path], console: Console) -> bool:
    """Whether every one of `count` random shards can be made again."""
    from higan_cam.runtime.remake import remake_shards

    same = True
    for shard in remake_shards(store, count, seed=seed, weights=weights, tell=errors.print):
        same = same and shard.verdict != "differing"
        colour = "red" if shard.verdict == "differing" else "green"
        console.print(f"[{colour}]{shard.verdict}[/{colour}] {escape(shard.path)} {escape(shard.detail)}".rstrip())
    return same


def export(
    output: Annotated[str, typer.Argument(help="Folder or URI of a finished run.")],
    target: Annotated[str, typer.Argument(help="Folder or URI to write to (file, s3, gs); empty, or this export.")],
    to: Annotated[str, typer.Option("--to", help="Format; see above.", metavar="FORMAT")],
    selection: Annotated[str | None, typer.Option(help="Only what this selection of `curate` keeps.")] = None,
    keep_empty: Annotated[bool, typer.Option("--keep-empty", help="Keep samples without a mask.")] = False,
    allow_unfinished: Annotated[bool, typer.Option("--allow-unfinished", help="Export what is there so far.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures", help="Of a run on pictures: at their own size.")] = False,
) -> None:
    """Write a run's dataset in a trainer's format. Interrupt it at will; the same command goes on.

    FORMAT: **controlnet** (image, conditioning_image, text), **inpainting** (image, prompt, mask),
    **instruct-pix2pix** (input_image, edit_prompt, edited_image), **webdataset** (tars), **imagefolder** (pictures
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
            pictures=pictures,
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
    console.print(f"load     {done.load}", markup=False, emoji=False)


@contextmanager
def _counted(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A line that counts up on a terminal; elsewhere nothing but the end matters."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
