"""Labels that people gave to a run's latents: a CSV with the heading index,label."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from higan_cam.errors import ConfigError
from higan_cam.label.labelled.pictured import NOTES, differences
from higan_cam.pictures.sources.csv_table import rows_in

log = logging.getLogger(__name__)
INDEX, LABEL = "index", "label"
_SHOWN = 20
_LONGEST = 40


def read_labels(path: Path, count: int) -> dict[int, bool]:
    """{index: label} in the order of the indices.

    The file may be in any encoding, with or without a byte order mark, its lines may end as on any system, and it may
    have other columns. A label that is there twice counts once.

    Args:
        count: latents of the run; indices are below it.

    Raises:
        ConfigError: no file, no heading, no labels, or lines that cannot be used: all of them in one table.
    """
    try:
        with path.open("rb") as file, closing(rows_in(file)) as rows:
            lines = list(rows)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"--labels {path}: cannot be read as a table ({error}); expected a CSV in UTF-8 with the heading "
            f"{INDEX},{LABEL}"
        ) from error
    places = _heading(path, lines[:1])
    found: dict[int, tuple[bool, int]] = {}
    problems = list(_problems(_cells(lines[1:], places), count, found))
    if problems:
        raise ConfigError(f"--labels {path}: {listed(problems, f'of {len(lines) - 1} lines')}")
    if not found:
        raise ConfigError(f"--labels {path}: no labels below the heading; expected lines such as 12,1")
    repeated = len(lines) - 1 - len(found)
    if repeated:
        log.warning("labels=%s: %d lines repeat an index with the same label; each counts once", path, repeated)
    return {index: found[index][0] for index in sorted(found)}


def check_notes(path: Path, ours: Mapping[str, Any]) -> None:
    """What `label-by-hand` noted beside the table, if anything, against what draws the run's pictures (`drawn_by`).

    Raises:
        ConfigError: the labels are of other pictures.
    """
    notes = path.with_name(path.name + NOTES)
    if not notes.exists():
        return
    try:
        noted = dict(json.loads(notes.read_bytes())["of"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("labels=%s: %s does not say what they are of (%r); taken as this run's", path, notes, error)
        return
    if other := differences(noted, ours):
        raise ConfigError(
            f"--labels {path}: they are of other pictures than --run draws: {other} ({notes.name} says so); name the "
            "run that was labelled"
        )


def listed(problems: list[str], of: str) -> str:
    """The first problems, a line each."""
    rest = len(problems) - _SHOWN
    more = [f"and {rest} more"] if rest > 0 else []
    return "\n  ".join([f"{len(problems)} {of} cannot be used; mend or delete them:", *problems[:_SHOWN], *more])


def _heading(path: Path, first: list[tuple[int, list[str]]]) -> tuple[int, int]:
    """Which columns hold index and label."""
    names = [cell.lower() for cell in first[0][1]] if first else []
    if names.count(INDEX) != 1 or names.count(LABEL) != 1:
        shown = ",".join(names)[:_LONGEST] or "nothing"
        raise ConfigError(
            f"--labels {path}: line 1 has {shown!r}; expected the heading {INDEX},{LABEL}, then a line for each latent"
        )
    return names.index(INDEX), names.index(LABEL)


def _cells(lines: Iterable[tuple[int, list[str]]], places: tuple[int, int]) -> Iterator[tuple[int, str, str]]:
    """(number of the line, index, label), "" where a line is too short."""
    for number, cells in lines:
        index, label = (cells[place] if place < len(cells) else "" for place in places)
        yield number, index, label


def _problems(lines: Iterable[tuple[int, str, str]], count: int, found: dict[int, tuple[bool, int]]) -> Iterator[str]:
    """What is wrong with each line; those that can be used go into `found` with their line."""
    for number, index, label in lines:
        if not (index.isascii() and index.isdecimal()):
            yield f"line {number}: index {index[:_LONGEST]!r}; expected a whole number from 0 to {count - 1}"
        elif len(index) > len(str(count)) + 20 or int(index) >= count:
            yield f"line {number}: index {index[:_LONGEST]}; the run has the latents 0 to {count - 1}"
        elif label not in ("0", "1"):
            yield f"line {number}: label {label[:_LONGEST]!r} of index {index}; expected 0 or 1"
        elif int(index) in found and found[int(index)][0] != (label == "1"):
            before = found[int(index)]
            yield f"line {number}: index {index} has label {label} here and {int(before[0])} in line {before[1]}"
        else:
            found.setdefault(int(index), (label == "1", number))
