"""A user's own pictures: found, split and served in an order that a restart does not change."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from higan_cam.errors import ConfigError
from higan_cam.train.scorer.pictures import batch_of, checked_pictures, find_pictures, read_pictures, split_pictures
from higan_cam.train.scorer.reading import problem_of
from higan_cam.train.settings import World


def write(path: Path, grey: int, side: int = 12) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((side, side + 4, 3), grey, np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(40):
        write(tmp_path / "data" / str(number % 4) / f"{number}.png", 60 * (number % 4))
    (tmp_path / "data" / "0" / "notes.txt").write_text("not a picture")
    return tmp_path / "data"


def test_folders_are_levels(folder: Path) -> None:
    pictures = find_pictures(folder)
    assert len(pictures.paths) == 40
    assert [int(path.parent.name) for path in pictures.paths] == pictures.levels.tolist()
    images = read_pictures(pictures.paths, 8)
    assert images.shape == (40, 3, 8, 8)
    expected = torch.from_numpy(pictures.levels).float() * 60 / 127.5 - 1
    torch.testing.assert_close(images.mean((1, 2, 3)), expected)


def test_a_table_gives_levels_between_folders(folder: Path) -> None:
    (folder / "levels.csv").write_text("path,level\n0/0.png,0.5\n3/3.png,2.75\n")
    pictures = find_pictures(folder / "levels.csv")
    assert pictures.paths == (folder / "0" / "0.png", folder / "3" / "3.png")
    assert pictures.levels.tolist() == [0.5, 2.75]


@pytest.mark.parametrize("line", ["0/0.png,4", "0/0.png", "0/0.png,bright", "0/0.png,nan"])
def test_a_line_that_is_none_is_named(folder: Path, line: str) -> None:
    (folder / "levels.csv").write_text(f"0/0.png,1\n{line}\n")
    with pytest.raises(ConfigError, match=r"levels\.csv, line 2: expected path,level with a level from 0 to 3"):
        find_pictures(folder / "levels.csv")


def test_a_folder_without_levels_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "0" / "a.png", 0)
    with pytest.raises(ConfigError, match=r"1 pictures of 1 levels; expected two levels or more"):
        find_pictures(tmp_path)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text("nothing")
    with pytest.raises(ConfigError, match=r"broken\.png: cannot be read as a picture"):
        read_pictures([tmp_path / "broken.png"], 8)


def test_held_out_pictures_stay_held_out_when_others_join(folder: Path) -> None:
    training, held_out = split_pictures(find_pictures(folder))
    assert {*training.paths, *held_out.paths} == set(find_pictures(folder).paths)
    assert not set(training.paths) & set(held_out.paths)
    for number in range(40, 60):
        write(folder / str(number % 4) / f"{number}.png", 10)
    assert set(held_out.paths) <= set(split_pictures(find_pictures(folder))[1].paths)


def test_every_epoch_sees_every_picture_once_whatever_the_workers(folder: Path) -> None:
    pictures = find_pictures(folder)

    def levels(workers: int) -> torch.Tensor:
        parts = [
            batch_of(pictures, 4, seed=3, step=step, batch=8, world=World(rank, workers))[1]
            for step in range(10)
            for rank in range(workers)
        ]
        return torch.cat(parts)

    alone = levels(1)
    assert torch.equal(alone, levels(2))
    for epoch in (alone[:40], alone[40:]):
        assert epoch.int().bincount().tolist() == [10] * 4
    assert not torch.equal(alone[:40], alone[40:])


TABLE = "path,level\n0/0.png,0.5\n3/é.png,2.75\n"


@pytest.mark.parametrize(
    "data",
    [
        *(TABLE.encode(each) for each in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252")),
        TABLE.replace("\n", "\r\n").encode("utf-8-sig"),
        TABLE.replace(",", ";").replace("0.5", "0,5").encode("utf-8-sig"),
        TABLE.replace(",", "\t").encode("utf-16"),
        TABLE.partition("\n")[2].encode("utf-8-sig"),
        TABLE.replace(",", ", ").replace("\n", "\n\n").encode(),
    ],
)
def test_tables_in_any_encoding_are_read(folder: Path, data: bytes) -> None:
    (folder / "levels.csv").write_bytes(data)
    write(folder / "3" / "é.png", 9)
    pictures = checked_pictures(folder / "levels.csv")
    assert pictures.paths == (folder / "0" / "0.png", folder / "3" / "é.png")
    assert pictures.levels.tolist() == [0.5, 2.75]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04" + bytes(20), r"the table cannot be read \(this is a zip archive"),
        (b"<!DOCTYPE html><html>", r"the table cannot be read \(this is a web page"),
        (b"a.png,0\x00\x01\nb.png,3", r"the table cannot be read \(not a text"),
        (b"a" * 200_000 + b",3\n", r"the table cannot be read \(field larger than"),
        (b",3\n", "line 1: expected path,level"),
        (b"", "0 pictures of 0 levels"),
    ],
)
def test_tables_that_are_none_are_named(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "levels.csv").write_bytes(data)
    with pytest.raises(ConfigError, match=said):
        find_pictures(tmp_path / "levels.csv")


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: no such folder or CSV"):
        find_pictures(tmp_path / "nowhere")


def noisy(path: Path) -> bytes:
    """A picture whose encoding is long enough to be cut."""
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    cv2.imwrite(str(path), pixels)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp"])
def test_half_a_picture_is_found_before_training_and_never_trained_on(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"half.{suffix}"
    data = noisy(path)
    assert problem_of(path) is None
    path.write_bytes(data[: len(data) // 2])
    assert problem_of(path) is not None
    with pytest.raises(ConfigError, match=rf"half\.{suffix}: cannot be read as a picture \("):
        read_pictures([path], 8)


def test_a_jpeg_with_a_thumbnail_that_breaks_off_is_not_whole(tmp_path: Path) -> None:
    data = noisy(tmp_path / "a.jpg")
    thumbnail = b"\xff\xe1" + (len(data) + 2).to_bytes(2, "big") + data
    whole = data[:2] + thumbnail + data[2:]
    for body, problem in ((whole, None), (whole[: -len(data) // 2], "breaks off: a part of the picture is missing")):
        (tmp_path / "a.jpg").write_bytes(body)
        assert problem_of(tmp_path / "a.jpg") == problem


def test_a_jpeg_with_something_behind_its_end_is_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(noisy(path) + b"SEFT\xff\xdatrailer of a telephone")
    assert problem_of(path) is None
    assert read_pictures([path], 8).shape == (1, 3, 8, 8)


def test_everything_unreadable_stands_in_one_table(folder: Path) -> None:
    (folder / "0" / "half.jpg").write_bytes(noisy(folder / "0" / "half.jpg")[:900])
    (folder / "1" / "empty.png").touch()
    (folder / "1" / "text.png").write_text("nothing")
    (folder / "2" / "pointer.jpg").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "2" / "page.jpg").write_text("<!DOCTYPE html><html>")
    (folder / "3" / "folder.png").mkdir()
    with pytest.raises(ConfigError) as caught:
        checked_pictures(folder)
    first, *lines = str(caught.value).splitlines()
    assert "6 of 46 pictures cannot be used" in first
    reasons = {Path(line.split("  ")[1]).name: line.split("  ")[2] for line in lines}
    assert reasons["half.jpg"] == "breaks off: a part of the picture is missing"
    assert reasons["empty.png"] == "empty"
    assert reasons["text.png"] == "not a picture"
    assert reasons["pointer.jpg"].startswith("a Git LFS pointer")
    assert reasons["page.jpg"].startswith("a web page")
    assert reasons["folder.png"] == "a folder"


def test_missing_files_of_a_table_are_named(folder: Path) -> None:
    (folder / "levels.csv").write_text("nothere.png,0\n3/3.png,3\n")
    with pytest.raises(ConfigError, match=r"1 of 2 pictures cannot be used(.|\n)*nothere\.png  no such file"):
        checked_pictures(folder / "levels.csv")


def test_what_is_passed_over_is_counted_and_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.mov", "b.MOV", "c.pdf", "d"):
        (folder / "1" / name).touch()
    (folder / "2" / "more").mkdir()
    (folder / "bright").mkdir()
    write(folder / "loose.png", 0)
    for litter in (folder / "1" / ".DS_Store", folder / "1" / "Thumbs.db", folder / ".DS_Store"):
        litter.touch()
    assert len(checked_pictures(folder).paths) == 40
    assert "pictures=40 passed over: " in caplog.text
    for said in ("2 .mov", "1 .pdf", "1 without a suffix", "1 .txt", "1 folders in 2/", "the folder bright"):
        assert said in caplog.text
    assert "1 files beside the folders 0 to 3" in caplog.text
    assert "DS_Store" not in caplog.text
    assert "thumbs" not in caplog.text.lower()


def test_a_clean_folder_needs_no_word(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "0" / "notes.txt").unlink()
    checked_pictures(folder)
    assert not caplog.records


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "gif", "avif", "jp2"])
def test_pictures_of_any_kind_are_trained_on(folder: Path, suffix: str) -> None:
    path = folder / "3" / f"a.{suffix}"
    Image.fromarray(np.full((12, 16, 3), 180, np.uint8)).save(path)
    assert path in checked_pictures(folder).paths
    assert abs(float(read_pictures([path], 8).mean()) - (180 / 127.5 - 1)) < 0.02


def test_a_kind_that_is_not_read_is_named_before_training(folder: Path) -> None:
    (folder / "1" / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(ConfigError, match=r"a\.heic  HEIC, which is not read; save it as PNG or JPEG"):
        checked_pictures(folder)


def test_a_photograph_lies_as_it_was_held(folder: Path) -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255
    exif = Image.Exif()
    exif[274] = 3
    Image.fromarray(pixels).save(folder / "0" / "turned.jpg", exif=exif)
    image = read_pictures([folder / "0" / "turned.jpg"], 4)[0]
    assert image[:, :2].max() < -0.9
    assert image[:, 2:].min() > 0.9
