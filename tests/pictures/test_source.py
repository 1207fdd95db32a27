"""Whatever a user names is read for what it is, from any place; what is not there is said at once."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from higan_cam.errors import ConfigError, StoreError
from higan_cam.pictures import Picture, PictureRow, Unreadable, list_pictures, open_pictures
from higan_cam.store.places.memory import RemoteBackend
from higan_cam.store.store import Store
from tests.support.pictures import pixels, saved

FILES = {f"{folder}{number}.png": saved(pixels(number)) for number, folder in enumerate(("", "b/", "b/c d/", "é/"))}
Folder = Callable[[dict[str, bytes]], Path]


def read_all(source: str | os.PathLike[str], column: str | None = None) -> dict[str, Picture | Unreadable]:
    """{key: what was read} of every row, in order."""
    opened = open_pictures(source, column=column)
    return {row.key: opened.read(row) for row in list_pictures(os.fspath(source), column=column)}


def check(found: dict[str, Picture | Unreadable], files: dict[str, bytes] = FILES) -> None:
    """Every file is there, in order, with its pixels."""
    assert list(found) == sorted(files)
    for key, picture in found.items():
        assert isinstance(picture, Picture), picture
        np.testing.assert_array_equal(picture.image, pixels([*files].index(key)))


def zipped(files: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("b")
        for name, content in files.items():
            archive.writestr(name, content)
    return body.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return body.getvalue()


def columns(files: dict[str, bytes]) -> bytes:
    """Parquet with a column of pictures as `datasets` writes it, and another one."""
    body, cells = io.BytesIO(), [{"bytes": content, "path": name} for name, content in files.items()]
    pq.write_table(pa.table({"id": [*range(len(files))], "photo": cells}), body, row_group_size=3)
    return body.getvalue()


def test_a_folder_at_any_depth(place: Store) -> None:
    for key, content in FILES.items():
        place.put(key, content)
    place.put("notes.txt", b"no picture")
    place.put("b/Thumbs.db", b"litter")
    check(read_all(place.uri))
    check(read_all(f"{place.uri}/"))


def test_a_pattern(place: Store) -> None:
    for key, content in FILES.items():
        place.put(key, content)
    assert list(read_all(f"{place.uri}/*.png")) == ["0.png"]
    assert list(read_all(f"{place.uri}/b/**/*.png")) == ["1.png", "c d/2.png"]
    assert list(read_all(f"{place.uri}/[b]/*.p*g")) == ["b/1.png"]


def test_one_file(place: Store) -> None:
    place.put("b/0.png", FILES["0.png"])
    place.put("b/0.png.jpg", b"another")
    check(read_all(f"{place.uri}/b/0.png"), {"0.png": FILES["0.png"]})


def test_a_zip(place: Store) -> None:
    place.put("a.ZIP", zipped(FILES | {"__MACOSX/b/._1.png": b"litter", "notes.txt": b"no picture"}))
    check(read_all(f"{place.uri}/a.ZIP"))


def test_a_tar(place: Store) -> None:
    place.put("a.tar", tarred(FILES | {"notes.txt": b"no picture", "._0.png": b"litter"}))
    check(read_all(f"{place.uri}/a.tar"))


@pytest.mark.parametrize(("kind", "mode"), [("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.bz2", "w:bz2"), ("txz", "w:xz")])
def test_a_packed_tar(output: Store, kind: str, mode: str) -> None:
    output.put(f"a.{kind}", tarred(FILES, mode))
    check(read_all(f"{output.uri}/a.{kind}"))


def test_a_table_of_paths(place: Store) -> None:
    for key, content in FILES.items():
        place.put(f"pictures/{key}", content)
    lines = ["id,file_name", *(f"7,../pictures/{key}" for key in reversed(FILES))]
    place.put("tables/names.csv", "\n".join(lines).encode())
    found = read_all(f"{place.uri}/tables/names.csv")
    check({key.removeprefix("../pictures/"): picture for key, picture in found.items()})


def test_a_column_of_parquet(place: Store) -> None:
    place.put("data/a.parquet", columns(FILES))
    found = read_all(f"{place.uri}/data/a.parquet")
    assert list(found) == [f"a.parquet#{row}" for row in range(4)]
    check(dict(zip(FILES, found.values(), strict=True)))
    assert list(read_all(f"{place.uri}/data/*.parquet")) == list(found)


def test_the_working_directory_does_not_matter_once_it_is_open(
    folder_of: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(FILES)
    monkeypatch.chdir(folder.parent)
    opened = [open_pictures(text) for text in ("photos", "./photos/", "photos/*.png", folder.as_uri())]
    monkeypatch.chdir("/")
    row = PictureRow(0, "0.png", 0, "")
    for source in pickle.loads(pickle.dumps(opened)):  # noqa: S301
        assert source.reader.content(row) == FILES["0.png"]


def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(folder_of: Folder) -> None:
    folder = folder_of(FILES)
    folder = folder.rename(folder.with_name("photos [2024]"))
    check(read_all(folder))
    assert list(read_all(f"{folder}")) == list(FILES)


def test_transparent_pixels_lie_on_the_background_of_the_source(folder_of: Folder) -> None:
    folder = folder_of({"a.png": saved(np.zeros((2, 2, 4), np.uint8))})
    picture = open_pictures(folder, background=(1, 2, 3)).read(next(list_pictures(str(folder))))
    assert isinstance(picture, Picture)
    assert (picture.image == (1, 2, 3)).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("photos/nowhere", "no such folder or file"),
        ("photos/nowhere.zip", "no such folder or file"),
        ("photos/notes.docx", "a file of no kind that is read here"),
        ("photos/*.pq", "no such file; check the pattern"),
        ("photos/half.zip", r"half\.zip: not a whole zip"),
        ("photos/half.parquet", r"half\.parquet: not a whole Parquet file"),
        ("photos/half.tar.gz", r"half\.tar\.gz: not a whole tar"),
        ("photos/half.tar", r"half\.tar: not a whole tar"),
        ("photos/text.tar", r"text\.tar: not a whole tar"),
        ("s3:/bucket/photos", "did you mean 's3://bucket/photos'"),
        ("$PHOTOS/x", "holds a variable"),
    ],
)
def test_what_cannot_be_a_source_is_named(
    folder_of: Folder, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    noise = {f"{number}.png": saved(pixels(number, 60, 60)) for number in range(4)}
    packed = tarred(noise, "w:gz")
    body = io.BytesIO()
    pq.write_table(pa.table({"image": [*noise.values()]}), body)
    halves = {
        "half.zip": zipped(noise),
        "half.parquet": body.getvalue(),
        "half.tar.gz": packed,
        "half.tar": tarred(noise),
    }
    folder = folder_of({name: content[: len(content) // 2] for name, content in halves.items()})
    folder_of({"notes.docx": b"PK", "text.tar": b"nothing" * 200})
    monkeypatch.chdir(folder.parent)
    with pytest.raises(ConfigError, match=rf"^pictures: .*{said}"):
        list(list_pictures(text))


def test_nothing_under_a_uri_is_said(place: Store) -> None:
    with pytest.raises(ConfigError, match=r"no such folder or file|nothing is there"):
        open_pictures(place.uri)


def test_a_changed_picture_is_not_read_as_the_listed_one(place: Store) -> None:
    place.put("a.png", FILES["0.png"])
    (row,) = list_pictures(place.uri)
    opened = open_pictures(place.uri)
    place.put("a.png", saved(pixels(5)))
    assert opened.read(row) == Unreadable("not the bytes that were listed")
    place.put("a.png", FILES["0.png"])
    assert isinstance(opened.read(row), Picture)
    place.remove("a.png")
    assert opened.read(row) == Unreadable("no such file")


def test_a_place_that_does_not_answer_says_nothing_about_the_picture(
    output: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    output.put("a.png", FILES["0.png"])
    (row,) = list_pictures(output.uri)
    opened = open_pictures(output.uri)

    def broken(*_: object) -> bytes:
        raise OSError("the wire is cut")

    monkeypatch.setattr(RemoteBackend, "part", broken)
    with pytest.raises(StoreError, match="the wire is cut"):
        opened.read(row)


PACKED = {"zip": zipped(FILES), "tar": tarred(FILES), "tar.gz": tarred(FILES, "w:gz"), "parquet": columns(FILES)}


@pytest.mark.parametrize("kind", PACKED)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_is_rows_or_refused(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(PACKED[kind])
    for place in data.draw(st.lists(st.integers(0, len(content) * 8 - 1), max_size=4)):
        content[place // 8] ^= 1 << place % 8
    archive = tmp_path / f"a.{kind}"
    archive.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(ConfigError):
        assert all(isinstance(found, Picture | Unreadable) for found in read_all(archive).values())
