"""A user's own pictures: found, split and served in an order that a restart does not change."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.train.scorer.pictures import batch_of, find_pictures, read_pictures, split_pictures
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
