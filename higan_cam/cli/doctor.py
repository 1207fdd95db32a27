"""`higan-cam doctor`: what is installed here, and which micro-batch is fastest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from higan_cam.config import RunConfig, load_config, read_fields
from higan_cam.config.loading import Files
from higan_cam.errors import ConfigError, StoreError
from higan_cam.files import write_whole

if TYPE_CHECKING:
    from higan_cam.runtime.micro_batches import OfPrecision

WORTH_IT = 1.1
"""Times as fast; less is the neighbours."""
PACKAGES = ("higan-cam", "ray", "torch", "torchvision", "numpy", "scikit-learn", "pyarrow")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(doctor)


def doctor(
    config: Annotated[
        list[Path] | None,
        typer.Option("--config", "-c", help="YAML file whose networks to measure. Repeatable: a later one wins."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="Override one field. Repeatable.", metavar="FIELD=VALUE"),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure micro-batches with as many workers as a run has (a minute).")
    ] = False,
    write: Annotated[
        Path | None, typer.Option("--write", help="YAML file to put the fastest ones into: a new one, or --config's.")
    ] = None,
) -> None:
    """Print versions, processors, GPUs and weights; with --calibrate also the fastest micro-batches and precision.

    Another micro-batch is another configuration, since the last bits of its results may differ: so a run never changes
    it by itself, and --write only changes the file that it names.
    """
    chosen = load_config(config, set_ or [])
    if write is not None and not calibrate:
        raise ConfigError("--write: there is nothing to write without --calibrate; add it")
    console = Console(soft_wrap=True, highlight=False)
    console.print(_installed())
    if calibrate:
        sizes = _calibrated(console, chosen)
        if write is not None:
            write_micro_batches(write, sizes, base=config)
            console.print(f"written  {escape(str(write))}")
        else:
            console.print("use      " + " ".join(f"--set {stage}.micro_batch={size}" for stage, size in sizes.items()))


def write_micro_batches(target: Path, sizes: dict[str, int], *, base: Files = None) -> None:
    """Put {stage: micro-batch} into the YAML file `target`, beside what it holds; a new one starts as a copy of `base`.

    All or nothing. Fields stay, comments do not.

    Raises:
        ConfigError: the file exists and is not a configuration; StoreError: it cannot be read or written.
    """
    files: Files = target if target.exists() else base
    load_config(files)  # refuses what is no configuration
    fields = read_fields(files)
    try:
        for stage, size in sizes.items():
            fields[stage] = {**(fields.get(stage) or {}), "micro_batch": size}
        write_whole(target, yaml.safe_dump(fields, sort_keys=False))
    except OSError as error:
        raise StoreError(f"--write {target}: {error.strerror}; choose another place") from error


def _installed() -> Table:
    from importlib import metadata

    import torch

    from higan_cam.weights.embedded import EMBEDDED_ENCODERS, EMBEDDED_GENERATORS, EMBEDDED_SCORERS, embedded_path
    from higan_cam.weights.files import sha256_of

    table = Table("what", "found", box=None)
    for package in PACKAGES:
        table.add_row(package, metadata.version(package))
    table.add_row("processors", f"{os.cpu_count()}, {torch.backends.cpu.get_cpu_capability()}")
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    table.add_row("GPUs", ", ".join(names) or "none")
    for each in (*EMBEDDED_GENERATORS.values(), *EMBEDDED_ENCODERS.values(), *EMBEDDED_SCORERS.values()):
        table.add_row(each.file, f"sha256 {sha256_of(embedded_path(each.file))[:12]}")
    return table


def _calibrated(console: Console, config: RunConfig) -> dict[str, int]:
    """{stage: fastest micro-batch}, and a table of all that was tried."""
    from higan_cam.runtime.micro_batches import MEASURED, calibrate

    with console.status("measuring"):
        calibration = calibrate(config)
    sizes = sorted({rate.size for rate in calibration.rates})
    title = f"samples per second of {calibration.workers} workers at once on {calibration.device}, by micro-batch"
    table = Table("stage", *map(str, sizes), "fastest", title=title, title_justify="left", box=None)
    for stage in MEASURED:
        rates = {rate.size: rate.per_second for rate in calibration.rates if rate.stage == stage}
        cells = (f"{rates[size]:.0f}" if rates[size] else "too large" for size in sizes)
        table.add_row(stage, *cells, str(calibration.best(stage)))
    console.print(table)
    if calibration.precision is not None:
        console.print(precision_line(calibration.precision))
    return {stage: calibration.best(stage) for stage in MEASURED}


def precision_line(found: OfPrecision) -> str:
    """What bfloat16 gives and costs at labelling, and how to ask for it where it is faster."""
    from higan_cam.runtime.micro_batches import COMPARED

    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in found.per_second.items())
    line = f"labels per second: {rates} ({found.gain:.2f} times); scores {found.mean_apart:.4f} apart on average, "
    line += f"{found.most_apart:.4f} at most, over {COMPARED} latents"
    return f"{line}; another configuration: --set generator.precision=bfloat16" if found.gain > WORTH_IT else line
