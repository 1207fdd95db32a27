"""A tar is read in one pass for its listing, and from any place after that."""

from __future__ import annotations

import io
import logging
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from higan_cam.errors import ConfigError
from higan_cam.pictures import Picture, Unreadable, list_pictures, open_pictures
from higan_cam.pictures.sources import tar_archive
from tests.support.pictures import pixels, saved

Make = Callable[[dict[str, bytes]], Path]
CONTENT = saved(pixels(0))


def tar_of(*members: tuple[str, bytes | str], mode: str = "w") -> bytes:
    """Members of content, or links where the second is a name."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return body.getvalue()


def test_long_and_foreign_names_are_kept(folder_of: Make) -> None:
    names = [f"{'folder/' * 40}日本.png", "a b.png", "c\udce9.png"]
    archive = folder_of({"a.tar": tar_of(*((name, CONTENT) for name in names))}) / "a.tar"
    rows = list(list_pictures(str(archive)))
    assert [row.key for row in rows] == sorted([*names[:2], "c\ufffd.png"])
    assert all(isinstance(open_pictures(archive).read(row), Picture) for row in rows)


def test_of_members_with_one_name_the_last_counts(folder_of: Make) -> None:
    archive = folder_of({"a.tar": tar_of(("a.png", CONTENT), ("a.png", saved(pixels(1, 7, 7))))}) / "a.tar"
    (row,) = list_pictures(str(archive))
    picture = open_pictures(archive).read(row)
    assert isinstance(picture, Picture)
    assert picture.image.shape == (7, 7, 3)


def test_links_are_counted_and_not_followed(folder_of: Make) -> None:
    archive = folder_of({"a.tar": tar_of(("a.png", CONTENT), ("b.png", "/etc/passwd"))}) / "a.tar"
    counted: Counter[str] = Counter()
    assert [row.key for row in open_pictures(archive).reader.found(counted)] == ["a.png"]
    assert counted == {"links and the like": 1}


def test_a_tar_that_changed_is_noticed_by_each_picture(folder_of: Make) -> None:
    archive = folder_of({"a.tar": tar_of(("a.png", CONTENT), ("b.png", CONTENT))}) / "a.tar"
    first, second = list_pictures(str(archive))
    archive.write_bytes(tar_of(("b.png", saved(pixels(3))), ("a.png", CONTENT))[:900])
    opened = open_pictures(archive)
    assert opened.read(first) == Unreadable("breaks off with its archive") or isinstance(opened.read(first), Unreadable)
    assert opened.read(second) == Unreadable("breaks off with its archive")


def test_a_tar_without_its_end_is_warned_of(folder_of: Make, caplog: pytest.LogCaptureFixture) -> None:
    whole = tar_of(("a.png", CONTENT))
    archive = folder_of({"a.tar": whole[: 512 + -(-len(CONTENT) // 512) * 512]}) / "a.tar"
    with caplog.at_level(logging.WARNING):
        assert len(list(list_pictures(str(archive)))) == 1
    assert "has no mark of its end" in caplog.text


def test_a_packed_tar_beyond_the_limit_is_refused(folder_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = folder_of({"a.tar.gz": tar_of(("a.png", CONTENT), mode="w:gz")}) / "a.tar.gz"
    (row,) = list_pictures(str(archive))
    monkeypatch.setattr(tar_archive, "MAX_UNPACKED", 1_000)
    with pytest.raises(ConfigError, match=r"a plain tar and a zip are read where they lie"):
        open_pictures(archive).read(row)
