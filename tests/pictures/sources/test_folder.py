"""Files under any name are found and read; what is wrong with one of them is its own row's business."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from higan_cam.pictures import Picture, PictureRow, Unreadable, list_pictures, open_pictures
from higan_cam.pictures.sources.folder import Folder
from higan_cam.store.places.memory import RemoteBackend
from higan_cam.store.store import Store
from tests.support.pictures import pixels, saved

CONTENT = saved(pixels(0))
NAMES = (
    "a b.png",
    "c\\d.png",
    "e#1?.png",
    "ü/日本語.png",
    "f'\".PNG",
    f"{'g' * 200}.png",
    "h\n.png",
    "..i.png",
    " j .png",
)


def test_names_of_every_kind_are_read(folder_of: Callable[[dict[str, bytes]], Path]) -> None:
    folder = folder_of(dict.fromkeys(NAMES, CONTENT))
    rows = list(list_pictures(str(folder)))
    assert [row.key for row in rows] == sorted(NAMES)
    opened = open_pictures(folder)
    assert all(isinstance(opened.read(row), Picture) for row in rows)


def test_a_name_in_no_encoding_is_read(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/na\xefve.png")).write_bytes(CONTENT)
    (row,) = list_pictures(str(tmp_path))
    assert row.key == "caf\ufffd/na\ufffdve.png"
    assert isinstance(open_pictures(tmp_path).read(row), Picture)


def test_a_very_deep_folder_is_read(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["inner"] * 300)
    deep.mkdir(parents=True)
    (deep / "a.png").write_bytes(CONTENT)
    assert len(list(list_pictures(str(tmp_path)))) == 1


def test_other_files_are_counted_and_litter_is_not(folder_of: Callable[[dict[str, bytes]], Path]) -> None:
    names = ("a.png", "b.txt", "c.TXT", "README", ".DS_Store", "._a.png", "__MACOSX/d.png", ".gitkeep", "e.mp4")
    folder = folder_of(dict.fromkeys(names, b"") | {"a.png": CONTENT})
    counted: Counter[str] = Counter()
    found = list(open_pictures(folder).reader.found(counted))
    assert [row.key for row in found] == ["a.png"]
    assert counted == {".txt": 2, "without an ending": 1, ".mp4": 1}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic", "HEIC, which is not read; save it as PNG or JPEG"),
        ("a.png", b"", "empty"),
        ("a.jpg", b"text", "not a picture"),
        ("a.psd", b"8BPS", "a Photoshop file, which is not read; save it as PNG or JPEG"),
    ],
)
def test_what_looks_like_a_picture_and_is_none_is_a_row_with_a_reason(
    folder_of: Callable[[dict[str, bytes]], Path], name: str, content: bytes, said: str
) -> None:
    folder = folder_of({name: content})
    (row,) = list_pictures(str(folder))
    assert open_pictures(folder).read(row) == Unreadable(said)


def test_one_picture_is_listed_without_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(CONTENT)
    monkeypatch.setattr("higan_cam.store.places.local.files_below", None)
    (row,) = list_pictures(str(tmp_path / "a.png"))
    assert isinstance(open_pictures(tmp_path / "a.png").read(row), Picture)


def test_a_link_that_leads_nowhere_is_a_row_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    (row,) = list_pictures(str(tmp_path))
    assert (row.bytes, row.etag) == (0, "")
    opened = open_pictures(tmp_path)
    assert opened.read(row) == Unreadable("no such file")
    (tmp_path / "gone.png").write_bytes(CONTENT)
    late = opened.read(row)
    assert isinstance(late, Unreadable)
    assert late.reason.startswith("could not be read when the pictures were listed")


def test_folders_and_pipes_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    os.mkfifo(tmp_path / "b.png")
    reader = open_pictures(tmp_path).reader
    assert list(reader.found(Counter())) == []
    assert reader.content(PictureRow(0, "a.png", 0, "")) == Unreadable("a folder")
    assert reader.content(PictureRow(0, "b.png", 0, "")) == Unreadable("not a file")
    assert reader.content(PictureRow(0, f"{'x' * 400}.png", 0, "")) == Unreadable("cannot be read (File name too long)")


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate((1 << 30) + 1)
    (row,) = list_pictures(str(tmp_path))
    assert row.bytes == (1 << 30) + 1
    assert open_pictures(tmp_path).read(row) == Unreadable("more than 1,073,741,824 bytes")


def test_a_bucket_is_listed_without_reading_a_picture(output: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    output.put("a.png", CONTENT)

    def tagged(self: RemoteBackend, prefix: str) -> object:
        return ((path, size, "a tag") for path, size in self.sizes(prefix).items())

    monkeypatch.setattr(RemoteBackend, "listing", tagged)
    monkeypatch.setattr(RemoteBackend, "read", None)
    part = RemoteBackend.part
    monkeypatch.setattr(RemoteBackend, "part", None)
    (row,) = list_pictures(output.uri)
    assert row.etag == "etag:a tag"
    monkeypatch.setattr(RemoteBackend, "part", part)
    # The tag is no digest of the content: the server is asked whether it is still that one.
    assert isinstance(open_pictures(output.uri).read(row), Picture)


def test_keys_that_a_store_cannot_name_are_rows_with_a_reason(output: Store) -> None:
    for key in ("a//b.png", "../b.png", "c\\d.png"):
        found = Folder(output).content(PictureRow(0, key, 0, ""))
        assert found == Unreadable("its name has an empty part, '.', '..' or a backslash; rename it")
