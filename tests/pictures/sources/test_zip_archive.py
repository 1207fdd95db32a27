"""What is wrong with one member of a zip is that row's business."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from higan_cam.pictures import Picture, Unreadable, list_pictures, open_pictures
from higan_cam.pictures.sources import zip_archive
from tests.support.pictures import pixels, saved

Make = Callable[[dict[str, bytes]], Path]
CONTENT = saved(pixels(0, 40, 40))


def zip_of(members: dict[str, bytes]) -> bytearray:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return bytearray(body.getvalue())


def read(archive: Path) -> dict[str, Picture | Unreadable]:
    opened = open_pictures(archive)
    return {row.key: opened.read(row) for row in list_pictures(str(archive))}


def reason_of(archive: Path, key: str) -> str:
    found = read(archive)
    assert [name for name, picture in found.items() if isinstance(picture, Unreadable)] == [key]
    refused = found[key]
    assert isinstance(refused, Unreadable)
    return refused.reason


def test_a_damaged_member_is_a_row_with_a_reason(folder_of: Make) -> None:
    body = zip_of({"a.png": CONTENT, "b.png": CONTENT})
    body[200] ^= 255
    assert reason_of(folder_of({"a.zip": bytes(body)}) / "a.zip", "a.png").startswith("damaged in the archive (Bad CRC")


def test_an_encrypted_member_is_a_row_with_a_reason(folder_of: Make) -> None:
    body = zip_of({"a.png": CONTENT, "b.png": CONTENT})
    first_of_directory = bytes(body).index(b"PK\x01\x02")
    body[first_of_directory + 8] |= 1
    assert reason_of(folder_of({"a.zip": bytes(body)}) / "a.zip", "a.png") == "encrypted"


def test_a_member_beyond_the_limit_is_not_unpacked(folder_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of({"a.zip": bytes(zip_of({"a.png": CONTENT, "b.png": b"x" * 10_000}))})
    monkeypatch.setattr(zip_archive, "MAX_BYTES", 9_000)
    assert reason_of(folder / "a.zip", "b.png").startswith("more than ")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_of_members_with_one_name_the_last_counts(folder_of: Make) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a.png", CONTENT)
        archive.writestr("a.png", saved(pixels(1, 7, 7)))
    (picture,) = read(folder_of({"a.zip": body.getvalue()}) / "a.zip").values()
    assert isinstance(picture, Picture)
    assert picture.image.shape == (7, 7, 3)
