"""`higan-cam train translator`: what does not go together is said before anything starts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.commands import Command


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--off", "a"), "--off, --on and --masks go together"),
        (("--masks", "a"), "--off, --on and --masks go together"),
        (("--off", "a", "--on", "b", "--data", "c"), "either a run, or folders"),
        (("--off", "a", "--on", "b"), "datasets: folders with condition True takes 3 places"),
        (("--loss", "features"), "--loss features: expected NAME=WEIGHT"),
        (("--loss", "pixle=1"), "Did you mean 'pixel'"),
        (("--loss", "dice=1"), "--loss dice: compares masks"),
        (("--loss", "features=0.1"), "'features:NAME'"),
        (("--loss", "code=1"), "losses.code: looks at start"),
        (("--loss", "noise_regulariser=1"), "losses.noise_regulariser: looks at noise"),
        (("--side", "48"), "side: must divide by 32 px, got 48"),
        (("--batch", "3", "--workers", "2"), "does not divide by 2 workers"),
        (("--pairs", "inf"), "--pairs: must be a finite number"),
    ],
)
def test_what_is_wrong_is_said(options: tuple[str, ...], said: str, higan_cam: Command, tmp_path: Path) -> None:
    status, _, err = higan_cam("train", "translator", "--output", str(tmp_path / "out"), *options)
    assert status == 2
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--game", "hinge"), "game: must be one of non_saturating, relativistic, least_squares, got 'hinge'"),
        (("--side", "20"), "side: must divide by 16 px"),
        (("--batch", "3", "--workers", "2"), "does not divide by 2 workers"),
        ((), "1 pictures can be read, 50 are to be held out"),
    ],
)
def test_what_is_wrong_without_pairs_is_said(
    options: tuple[str, ...], said: str, higan_cam: Command, tmp_path: Path
) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((32, 32, 3), np.uint8))
    places = ("--off", str(tmp_path), "--on", str(tmp_path), "--output", str(tmp_path / "out"))
    _, _, err = higan_cam("train", "unpaired", *places, *options)
    assert said in " ".join(err.split())


def test_an_output_that_is_no_folder_is_refused(higan_cam: Command) -> None:
    status, _, err = higan_cam("train", "translator", "--output", "s3://bucket/translator")
    assert status == 2
    assert "--output s3://bucket/translator: its files need a folder" in " ".join(err.split())


def test_a_folder_that_is_no_run_is_refused(higan_cam: Command, tmp_path: Path) -> None:
    status, _, err = higan_cam("train", "translator", "--output", str(tmp_path / "out"), "--data", str(tmp_path))
    assert status == 1
    assert "run.json" in err


def test_a_translator_that_is_not_there_is_named(higan_cam: Command, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "0.png"), np.zeros((32, 32, 3), np.uint8))
    status, _, err = higan_cam(
        "translate", str(tmp_path / "photos"), str(tmp_path / "out"), "--model", str(tmp_path / "none.safetensors")
    )
    assert status == 2
    assert "none.safetensors" in "".join(err.split())


def test_a_picture_without_a_mask_is_named(higan_cam: Command, tmp_path: Path) -> None:
    for name in ("photos/0.png", "photos/1.jpg", "masks/0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((32, 32, 3), np.uint8))
    places = (str(tmp_path / "photos"), str(tmp_path / "out"), "--masks", str(tmp_path / "masks"))
    status, _, err = higan_cam("translate", *places)
    assert status == 2
    assert "has no mask for 1.jpg" in " ".join(err.split())
