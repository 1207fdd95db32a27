"""Tables as people save them name pictures wherever these lie."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from higan_cam.errors import ConfigError
from higan_cam.pictures import Picture, Unreadable, list_pictures, open_pictures
from higan_cam.store.store import Store, open_store
from tests.support.pictures import pixels, saved

CONTENT = saved(pixels(0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "é.png", "b/c, d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(CONTENT)
    return tmp_path


def keys(folder: Path, data: bytes, column: str | None = None) -> list[str]:
    """The names of a table, each of which has to be read."""
    (folder / "t.csv").write_bytes(data)
    opened = open_pictures(folder / "t.csv", column=column)
    rows = list(list_pictures(str(folder / "t.csv"), column=column))
    assert all(isinstance(opened.read(row), Picture) for row in rows)
    return [row.key for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        'é.png\na.png\n"b/c, d.png"\n',
        'path\né.png\na.png\n"b/c, d.png"\n',
        'level,Path\n1,é.png\n2, a.png\n3,"b/c, d.png"\n\n',
        'level,photo of\n1,é.png\n2,a.png\n3,"b/c, d.png"',
        "level\tpath\n1\té.png\n2\ta.png\n3\tb/c, d.png",
        "path;level\né.png;1\na.png;2\nb/c, d.png;3",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_the_column_of_paths_is_found(folder: Path, text: str, encoding: str) -> None:
    assert keys(folder, text.replace("\n", "\r\n").encode(encoding)) == ["a.png", "b/c, d.png", "é.png"]


def test_a_column_is_named(folder: Path) -> None:
    table = b"before,after\na.png,\xc3\xa9.png\n"
    assert keys(folder, table, "after") == ["é.png"]
    assert keys(folder, table, "Before") == ["a.png"]
    with pytest.raises(ConfigError, match=r"t\.csv: no column 'beside'; the first line has before, after"):
        keys(folder, table, "beside")


def test_paths_lead_anywhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    bucket = open_store(f"memory://{uuid.uuid4()}/photos")
    bucket.put("x.png", CONTENT)
    tables = tmp_path_factory.mktemp("tables")
    lines = [str(folder / "a.png"), (folder / "é.png").as_uri(), f"{bucket.uri}/x.png"]
    assert keys(tables, "\n".join(lines).encode()) == sorted(lines)


def test_lines_that_lead_nowhere_are_rows_with_a_reason(folder: Path) -> None:
    lines = {
        "path": None,
        "gone.png": "no such file",
        "b": "a folder",
        "s3://key:secret@bucket/x.png": "the s3:// URI holds credentials",
        "ftp://host/x.png": "the protocol",
        "x\\y.png": "no such file",
    }
    (folder / "t.csv").write_text("\n".join(lines))
    opened = open_pictures(folder / "t.csv")
    for row in list_pictures(str(folder / "t.csv")):
        found = opened.read(row)
        assert isinstance(found, Unreadable)
        assert "secret" not in found.reason
        assert found.reason.startswith(str(lines[row.key])) or row.key.startswith("ftp")


def test_a_table_in_a_bucket_stays_in_it(output: Store) -> None:
    output.put("t.csv", b"path\n../../../out.png\n/etc/passwd\n~/a.png\n")
    opened = open_pictures(f"{output.uri}/t.csv")
    for row in list_pictures(f"{output.uri}/t.csv"):
        assert opened.read(row) == Unreadable("a path that leads out of the table's bucket")


def test_a_name_twice_is_one_picture(folder: Path) -> None:
    assert keys(folder, b"a.png\na.png\n") == ["a.png"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04" + bytes(20), "this is a zip archive"),
        (b"<!DOCTYPE html><html>", "this is a web page"),
        (b"a.png\x01\n", "it holds control characters"),
        (b"a" * 200_000, "field larger than"),
    ],
)
def test_what_is_no_table_is_named(folder: Path, data: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"t\.csv: the table cannot be read \(.*{said}"):
        keys(folder, data)
