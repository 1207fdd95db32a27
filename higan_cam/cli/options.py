"""What commands have in common: options, how their values are read, and where a picture or an error goes."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from higan_cam.config import RunConfig, RuntimeConfig, load_config
from higan_cam.config.attributes import members
from higan_cam.errors import ConfigError, HiganCamError, QuarantinedError, StoreError
from higan_cam.files import write_whole

Config = Annotated[
    list[Path] | None,
    typer.Option(
        "--config", "-c", help="YAML file, or an example's name; see `higan-cam config`. Repeatable: a later one wins."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Override one field: section.field=value. Repeatable.", metavar="FIELD=VALUE"),
]
Output = Annotated[str | None, typer.Option("--output", "-o", help="Folder or URI (file, s3, gs) of the run.")]
Profile = Annotated[str, typer.Option(help="`default`, or `seed` for the published HiGAN_CAM settings.")]
Run = Annotated[str, typer.Argument(help="Folder or URI (file, s3, gs) of a run.")]
FittedRun = Annotated[str, typer.Argument(help="Folder or URI (file, s3, gs) of a run that has its boundary.")]
Weights = Annotated[
    list[Path] | None, typer.Option("--weights", help="Where to look for the run's weights, by digest. Repeatable.")
]
_SPAN = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")
errors = Console(stderr=True, emoji=False)  # `:fire:` in a path is part of the path
"""Where everything goes that is not the command's answer."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors made for users become one message and the process' exit status, without a traceback."""
    try:
        yield
    except HiganCamError as error:
        errors.print(f"[bold red]error:[/bold red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


@contextmanager
def with_ray(runtime: RuntimeConfig, stopped: str = "stopped; the same command goes on from here") -> Iterator[Any]:
    """A local Ray that comes up during the block, None where a cluster is joined; a signal says `stopped` and ends it.

    Yields:
        what `runtime.cluster.join.cluster` takes as its head.
    """
    from higan_cam.runtime.cluster.head import local_head
    from higan_cam.runtime.cluster.signals import exit_status, stoppable

    try:
        with stoppable(), local_head(runtime) as head:
            yield head
    except KeyboardInterrupt as error:
        errors.print(stopped)
        raise typer.Exit(exit_status(error)) from None


def check_whole(problems: Sequence[str]) -> None:
    """QuarantinedError: something was given up; what, and what to do."""
    if problems:
        lines = "\n  ".join(problems)
        raise QuarantinedError(f"finished, but without:\n  {lines}\nThe same command tries just these again.")


def load(
    files: list[Path] | None,
    overrides: list[str] | None,
    output: str | None,
    profile: str,
    arguments: Mapping[str, Any] | None = None,
) -> RunConfig:
    """The configuration that options and arguments say. ConfigError: it, or that of one of its attributes, is wrong."""
    config = load_config(files, overrides or [], profile, output=output, arguments=arguments)
    members(config)  # what is wrong with one of several attributes is wrong with the configuration
    return config


def parse_indices(text: str, name: str = "--index") -> tuple[int, ...]:
    """`0-3,7` -> (0, 1, 2, 3, 7), in the order given. ConfigError: another form, or more than a sheet holds."""
    from higan_cam.pipeline.editing import MOST_PICTURES

    spans = [_SPAN.fullmatch(part.strip()) for part in text.split(",")]
    ends = [(int(span[1]), int(span[2] or span[1])) for span in spans if span is not None]
    if len(ends) < len(spans) or any(high < low for low, high in ends):
        raise ConfigError(f"{name} must be sample numbers such as 0-3,7, got {text!r}")
    if sum(high - low + 1 for low, high in ends) > MOST_PICTURES:
        raise ConfigError(f"{name}: a sheet holds {MOST_PICTURES} pictures at most, got {text!r}")
    return tuple(index for low, high in ends for index in range(low, high + 1))


def parse_workers(text: str) -> tuple[int, int]:
    """`2` -> (2, 2), `1-4` -> (1, 4). ConfigError: another form, or none."""
    span = _SPAN.fullmatch(text.strip())
    low, high = (int(span[1]), int(span[2] or span[1])) if span is not None else (0, 0)
    if not 1 <= low <= high:
        raise ConfigError(f"--workers must be a number of workers, or a range such as 1-2, got {text!r}")
    return low, high


def thousands(name: str, number: float) -> int:
    """So many thousands, as a count. ConfigError: no finite number."""
    if not math.isfinite(number):
        raise ConfigError(f"{name}: must be a finite number, of thousands, got {number}")
    return round(1000 * number)


def parse_distances(text: str, name: str = "--distances") -> tuple[float, ...]:
    """`-3,0,3` -> (-3.0, 0.0, 3.0). ConfigError: anything but a list of finite numbers."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"{name} must be numbers such as -3,0,3, got {text!r}") from error
    if not all(math.isfinite(value) for value in values):
        raise ConfigError(f"{name} must be finite, got {text!r}")
    return values


def parse_weighted(text: str) -> tuple[str, float]:
    """`wood.npy:0.5` -> ("wood.npy", 0.5); without a number after the last colon the weight is 1."""
    path, colon, number = text.rpartition(":")
    try:
        weight = float(number) if colon else None
    except ValueError:
        weight = None
    if weight is not None and not math.isfinite(weight):
        raise ConfigError(f"--boundary {text}: the weight must be finite")
    return (text, 1.0) if weight is None else (path, weight)


def parse_loss(text: str) -> tuple[str, float]:
    """`features:vgg16=0.1` -> ("features:vgg16", 0.1). ConfigError: another form."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise ConfigError(f"--loss {text}: expected NAME=WEIGHT, such as features:efficientnet_lite0=0.1") from None


def parse_files(texts: Sequence[str]) -> dict[str, str]:
    """`vgg16=FILE` of each --network -> {"vgg16": absolute FILE}. ConfigError: another form, or no such network."""
    from higan_cam.losses.networks import FILES

    named = [text.partition("=")[::2] for text in texts]
    for text, (name, file) in zip(texts, named, strict=True):
        if name not in FILES or not file:
            raise ConfigError(f"--network {text}: expected NAME=FILE with NAME one of {', '.join(FILES)}")
    return {name: str(Path(file).expanduser().absolute()) for name, file in named}


def local_folder(output: str) -> Path:
    """The folder that --output names. ConfigError: it is none."""
    from higan_cam.store.uris import read_place

    place = read_place(output)
    if place.protocol != "file":
        raise ConfigError(
            f"--output {place.uri}: its files need a folder; name one, and copy what it leaves afterwards"
        )
    return Path(place.path).resolve()


def say(console: Console, line: str) -> None:
    """Print a line as it is: no markup in brackets, no pictures for `:words:`, no folding."""
    console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)


def write_file(path: Path, body: bytes, option: str = "--to") -> None:
    """Write what a command made, to the place that `option` named. StoreError: it cannot be written."""
    try:
        write_whole(path, body)
    except OSError as error:
        raise StoreError(f"{option} {path}: cannot be written ({error.strerror}); choose another place") from error
