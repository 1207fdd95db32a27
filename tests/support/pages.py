"""The pages of the repository, and what stands on them: links, code, commands, names of files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "higan_cam"
_FOLDERS = ("higan_cam", "jobs", "cluster_configs", "data", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in _FOLDERS for page in (ROOT / folder).rglob("*.md"))])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
_FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.M | re.S)
_STARTS = ("higan-cam ", "python -m ", "make ")


@cache
def text_of(name: str) -> str:
    """A page, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def prose_of(name: str) -> str:
    """A page without its fenced code."""
    return _FENCED.sub("", text_of(name))


@cache
def links(name: str) -> list[str]:
    """Targets of its links and pictures within the repository, as written."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose_of(name))
    return [target for target in targets if not target.startswith(("http:", "https:"))]


def linked_page(name: str, target: str) -> Path:
    """The file that a link on this page leads to."""
    path = target.partition("#")[0]
    return (ROOT / name).parent / path if path else ROOT / name


@cache
def anchors(page: Path) -> set[str]:
    """The fragments that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def inline_code(name: str) -> list[str]:
    """What stands in backticks in the text, with line ends as spaces."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose_of(name))]


def commands(name: str) -> list[str]:
    """Command lines of `higan-cam`, Python's modules and make: in shell sessions, on indented lines and in the text."""
    shell = "\n".join(_FENCED.findall(text_of(name))).replace("\\\n", " ")
    lines = re.findall(r"^\$ (.+)$", shell, re.M) + re.findall(r"^ {4}(\S.+)$", prose_of(name), re.M)
    lines += re.findall(r"^(make \w+)", shell, re.M)
    # What Ray is handed is a command as well.
    parts = [line.split(" -- ")[-1].split(" #")[0].strip() for line in [*lines, *inline_code(name)]]
    return [part for part in parts if part.startswith(_STARTS)]


def words_of(command: str) -> list[str]:
    """A command line as the shell would split it."""
    return shlex.split(command)


def table(name: str, first: str) -> list[list[str]]:
    """The rows below the header whose first cell is `first`, as stripped cells."""
    lines = text_of(name).splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith(f"| {first} |")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in _rows(lines[start + 2 :])]


def tree(name: str) -> Iterator[str]:
    """The folders of the tree on a page, as paths from its root; two blanks a level."""
    path: list[str] = []
    for indent, folder in re.findall(r"^((?:  )+)(\w+)/ ", text_of(name), re.M):
        path[len(indent) // 2 - 1 :] = [folder]
        yield "/".join(path)


def _rows(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield line
