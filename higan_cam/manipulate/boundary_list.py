"""HiGAN's lists of boundaries: one `(name, space): path` a line, `DISABLE` before those to leave out.

Blank lines and comments (`#` at the start of a line or after a space) are passed over, a path may hold colons or stand
in quotes, and its `~` is expanded; HiGAN's own reader does none of this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import whitespace

from higan_cam.errors import ConfigError
from higan_cam.weights.paths import exists, expanded
from higan_cam.weights.texts import read_text

_LINE = re.compile(r"\(\s*(?P<name>[^(),]+?)\s*,\s*(?P<space>[^(),\s]+)\s*\)\s*:\s*(?P<path>.+)")
_QUOTED = re.compile(r"(?:\"([^\"]*)\"|'([^']*)'|“([^”]*)”|‘([^’]*)’)(?:\s+#.*)?")
_COMMENT = re.compile(r"\s+#.*")
_QUOTES = "\"'“”‘’"
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060"
"""Characters without width that editors and chat programs leave at the ends of lines."""
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
    listed: dict[tuple[str, str], ListedBoundary] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip(f"{whitespace}\xa0{_INVISIBLE}")
        if not stripped or stripped.startswith(("DISABLE", "#")):
            continue
        each = _parsed(stripped, f"{name}, line {number}")
        if (each.name, each.space) in listed:
            raise ConfigError(f"{name}, line {number}: ({each.name}, {each.space}) is there twice; remove one")
        listed[each.name, each.space] = each
    if not listed:
        raise ConfigError(f"{name}: lists no boundary; expected lines like `(wood, w): wood_boundary.npy`")
    return tuple(listed.values())


def read_boundary_list(path: str | Path) -> tuple[ListedBoundary, ...]:
    """`parse_boundary_list` of a file. Relative paths are sought here, as HiGAN does, then beside the list."""
    path = expanded(path)
    try:
        listed = parse_boundary_list(read_text(path), str(path))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: the list of boundaries cannot be read ({error}); check the path") from error
    return tuple(
        each if exists(each.path) else ListedBoundary(each.name, each.space, path.parent / each.path) for each in listed
    )


def _parsed(line: str, where: str) -> ListedBoundary:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ConfigError(f"{where}: expected `(name, space): path` such as `(wood, w): wood.npy`, got {line[:80]!r}")
    name, space = match["name"].strip(_QUOTES), match["space"].strip(_QUOTES).lower()
    if space not in _SPACES:
        hint = "; boundaries with one normal per row (wp) are not supported: list one per space w" * (space == "wp")
        raise ConfigError(f"{where}: space must be z or w, got {match['space']!r}{hint}")
    return ListedBoundary(name, space, expanded(_path_in(match["path"].strip(), where)))


def _path_in(text: str, where: str) -> str:
    """The path without quotes around it or a comment behind it. ConfigError: a quote without its end, no path."""
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        path = next(group for group in quoted.groups() if group is not None)
    elif text[0] in _QUOTES:
        raise ConfigError(f"{where}: a path that begins with a quote ends with another, got {text[:80]!r}")
    else:
        path = _COMMENT.sub("", f" {text}").strip()
    if not path or "\0" in path:
        raise ConfigError(f"{where}: expected a path behind the colon, got {text[:80]!r}")
    return path
