"""HiGAN's lists of boundaries read as HiGAN reads them, and what stops its reader gets an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from higan_cam.errors import ConfigError
from higan_cam.manipulate.boundary_list import parse_boundary_list, read_boundary_list


def test_the_reference_list_gives_the_same_boundaries(parity: Path) -> None:
    recorded = json.loads((parity / "editor_cases.json").read_text())["parse_boundary_list"]
    text = recorded["text"].replace("WP", "W")  # one normal per row is refused, see below
    found = [((each.name, each.space), str(each.path)) for each in parse_boundary_list(text, "list")]
    assert found == [((name, space.replace("wp", "w")), path) for (name, space), path in recorded["result"]]


def test_blank_lines_and_paths_with_colons_are_read() -> None:
    (only,) = parse_boundary_list("\n(a, Z): C:/x.npy\n\n", "list")
    assert (only.name, only.space, only.path) == ("a", "z", Path("C:/x.npy"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(a b): x.npy", r"list, line 1: expected `\(name, space\): path`"),
        ("(a, w) x.npy", "line 1: expected"),
        ("\n(a, w):", "line 2: expected"),
        ("a, w: x.npy", "line 1: expected"),
        ("(a, wp): x.npy", r"space must be z or w, got 'wp'; boundaries with one normal per row \(wp\)"),
        ("(a, y): x.npy", "space must be z or w, got 'y'$"),
        ("(a, w): x.npy\n(a, w): y.npy", r"line 2: \(a, w\) is there twice"),
        ("DISABLE(a, w): x.npy\n", "lists no boundary"),
        ("", "lists no boundary"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_boundary_list(text, "list")


def test_relative_paths_are_sought_here_and_then_beside_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "here.npy").touch()
    (tmp_path / "lists" / "all.txt").write_text("(a, w): here.npy\n(b, w): beside.npy\n")
    monkeypatch.chdir(tmp_path)
    first, second = read_boundary_list("lists/all.txt")
    assert (first.path, second.path) == (Path("here.npy"), Path("lists/beside.npy"))


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.txt: the list of boundaries cannot be read"):
        read_boundary_list(tmp_path / "none.txt")
