"""HiGAN's lists of boundaries read as HiGAN reads them, and what stops its reader gets an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import ConfigError, HiganCamError
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


LIST = "(age, w): a.npy\n(naïve, w): 'b c.npy'  # good\n"


@pytest.mark.parametrize(
    "data",
    [
        LIST.encode(),
        LIST.encode("utf-8-sig"),
        *(LIST.encode(each) for each in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252")),
        LIST.replace("\n", "\r\n").encode(),
        LIST.replace("\n", "\r").encode(),
        ("\ufeff" + LIST).encode("utf-16-be"),
    ],
)
def test_lists_in_any_encoding_are_read(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(data)
    first, second = read_boundary_list(tmp_path / "list.txt")
    assert (first.name, first.path) == ("age", tmp_path / "a.npy")
    assert (second.name, second.path) == ("naïve", tmp_path / "b c.npy")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('(age,w): "a.npy"', "a.npy"),
        ("(age,w): 'a b.npy'", "a b.npy"),
        ("(age,w): “a.npy”", "a.npy"),
        ('(age,w): "a #1.npy"  # good', "a #1.npy"),
        ("(age,w): a.npy  # good", "a.npy"),
        ("(age,w): a.npy\t# good", "a.npy"),
        ("(age,w): a#1.npy", "a#1.npy"),
        ("(age,\tw):\ta.npy\t", "a.npy"),
        ("\ufeff(age,w): a.npy\u200b", "a.npy"),
        ("\xa0(age,\xa0w): a.npy\xa0", "a.npy"),
        ("('age', \"W\"): a.npy", "a.npy"),
        ("# a comment\n  # and another\n(age,w): a.npy", "a.npy"),
        ("(age,w): it's.npy", "it's.npy"),
    ],
)
def test_quotes_comments_and_odd_spaces_are_no_part_of_the_path(line: str, path: str) -> None:
    (only,) = parse_boundary_list(line, "list")
    assert (only.name, only.space, only.path) == ("age", "w", Path(path))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('(age,w): "a.npy', "line 1: a path that begins with a quote ends with another"),
        ('(age,w): ""', "line 1: expected a path behind the colon"),
        ("(age,w): # good", "line 1: expected a path behind the colon"),
        ("（age，w）：a.npy", "line 1: expected"),
    ],
)
def test_quotes_without_end_and_paths_that_are_none_are_said(line: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_boundary_list(line, "list")


def test_home_is_expanded_in_a_list_and_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "list.txt").write_text('(a, w): ~/a.npy\n(b, w): "~/b.npy"\n')
    assert [each.path for each in read_boundary_list("~/list.txt")] == [tmp_path / "a.npy", tmp_path / "b.npy"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid", "this is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "this is a web page"),
        (b"PK\x03\x04abc", "this is a zip archive"),
        (b"\x93NUMPY\x01\x00", "this is a numpy array"),
        (b"\x80\x02\x00\x01\x02", "not a text: it holds control characters"),
    ],
)
def test_what_is_no_list_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(data)
    with pytest.raises(ConfigError, match=rf"list\.txt: the list of boundaries cannot be read \({said}"):
        read_boundary_list(tmp_path / "list.txt")


PIECES = st.lists(
    st.sampled_from(["(", ")", ",", ":", " ", "\t", "\n", "a", "w", "z", "wp", "~", "~x/", "#", '"', "'", "“", ".npy"])
    | st.characters(),
    max_size=25,
).map("".join)


@given(PIECES | PIECES.map(lambda text: f"(a, w): {text}"))
def test_any_text_gives_boundaries_or_an_error_of_ours(text: str) -> None:
    try:
        found = parse_boundary_list(text, "list")
    except ConfigError:
        return
    assert all(each.name and each.space in ("w", "z") for each in found)


@given(st.binary(max_size=60) | PIECES.map(lambda text: text.encode("utf-16", "replace")))
def test_any_bytes_give_boundaries_or_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("list") / "list.txt"
    path.write_bytes(data)
    try:
        read_boundary_list(path)
    except HiganCamError:
        return
