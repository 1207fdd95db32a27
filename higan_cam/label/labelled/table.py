"""The table of labels, `index,label`: one reader, for what learns from it and for the page that goes on with it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO

from higan_cam.weights.texts import rows_in

INDEX, LABEL = "index", "label"
_SHOWN = 20
_LONGEST = 40


@dataclass(frozen=True)
class LabelTable:
    """What a table says.

    Attributes:
        columns: cells of the longest line; 2 where there is nothing but index and label.
        labels: {index: label} in the order of the lines. repeated: lines that say again what one before them said.
    """

    columns: int
    labels: dict[int, bool]
    repeated: int


def read_table(file: BinaryIO, count: int) -> LabelTable:
    """The labels of a run's latents.

    The file may be in any encoding, with or without a byte order mark, its lines may end as on any system, and it may
    have other columns. A label that is there twice counts once.

    Args:
        count: latents of the run; indices are below it.

    Raises:
        ValueError: no text, no heading, or lines that cannot be used: all of them, by their numbers.
    """
    try:
        with closing(rows_in(file)) as rows:
            lines = list(rows)
    except (ValueError, csv.Error) as error:
        raise ValueError(
            f"cannot be read as a table ({error}); expected a CSV in UTF-8 with the heading {INDEX},{LABEL}"
        ) from error
    heading = [cell.lower() for cell in lines[0][1]] if lines else []
    if heading.count(INDEX) != 1 or heading.count(LABEL) != 1:
        shown = ",".join(heading)[:_LONGEST] or "nothing"
        raise ValueError(f"line 1 has {shown!r}; expected the heading {INDEX},{LABEL}, then a line for each latent")
    found: dict[int, tuple[bool, int]] = {}
    places = heading.index(INDEX), heading.index(LABEL)
    problems = list(_problems(_cells(lines[1:], places), count, found))
    if problems:
        raise ValueError(listed(problems, f"of {len(lines) - 1} lines"))
    labels = {index: label for index, (label, _) in found.items()}
    return LabelTable(max(len(cells) for _, cells in lines), labels, len(lines) - 1 - len(labels))


def listed(problems: list[str], of: str) -> str:
    """The first problems, a line each."""
    rest = len(problems) - _SHOWN
    more = [f"and {rest} more"] if rest > 0 else []
    return "\n  ".join([f"{len(problems)} {of} cannot be used; mend or delete them:", *problems[:_SHOWN], *more])


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
