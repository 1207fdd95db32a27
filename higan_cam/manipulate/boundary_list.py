"""HiGAN's lists of boundaries: one `(name, space): path` a line, `DISABLE` before those to leave out.

Blank lines are passed over and a path may hold colons; HiGAN's own reader stops at both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from higan_cam.errors import ConfigError

_LINE = re.compile(r"\(\s*(?P<name>[^(),]+?)\s*,\s*(?P<space>\w+)\s*\)\s*:\s*(?P<path>.+)")
_SPACES = ("z", "w")


@dataclass(frozen=True)
class ListedBoundary:
    """A line of the list: what it moves, in which space (z or w), and the file."""

    name: str
    space: str
    path: Path


def parse_boundary_list(text: str, name: str) -> tuple[ListedBoundary, ...]:
    """The lines that are not disabled, in order; `name` of the list is what errors name.

    Raises:
        ConfigError: a line of another form, a space other than z or w, the same (name, space) twice, nothing left.
    """
    found: dict[tuple[str, str], ListedBoundary] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("DISABLE"):
            continue
        each = _parsed(stripped, f"{name}, line {number}")
        if (each.name, each.space) in found:
            raise ConfigError(f"{name}, line {number}: ({each.name}, {each.space}) is there twice; remove one")
        found[each.name, each.space] = each
    if not found:
        raise ConfigError(f"{name}: lists no boundary; expected lines like `(wood, w): wood_boundary.npy`")
    return tuple(found.values())


def read_boundary_list(path: str | Path) -> tuple[ListedBoundary, ...]:
    """`parse_boundary_list` of a file. Relative paths are sought here, as HiGAN does, then beside the list."""
    path = Path(path)
    try:
        listed = parse_boundary_list(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the list of boundaries cannot be read ({error}); check the path") from error
    return tuple(
        each if each.path.exists() else ListedBoundary(each.name, each.space, path.parent / each.path)
        for each in listed
    )


def _parsed(line: str, where: str) -> ListedBoundary:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ConfigError(f"{where}: expected `(name, space): path` such as `(wood, w): wood.npy`, got {line[:80]!r}")
    space = match["space"].lower()
    if space not in _SPACES:
        hint = "; boundaries with one normal per row (wp) are not supported: list one per space w" * (space == "wp")
        raise ConfigError(f"{where}: space must be z or w, got {match['space']!r}{hint}")
    return ListedBoundary(match["name"], space, Path(match["path"].strip()))
