"""`higan-cam train upscaler` and `upscale`: what does not go together is said before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Command


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scale", "3"), "scale: must be one of 2, 4, got 3"),
        (("--kernel", "nearest"), "kernel: must be one of area, bicubic"),
        (("--side", "48"), "side: must divide by 32 px, got 48"),
        (("--loss", "absolute"), "--loss absolute: expected NAME=WEIGHT"),
        (("--loss", "dice=1"), "losses.dice: compares masks"),
        (("--loss", "gram:vgg16=1"), "needs the file of torchvision's VGG16"),
        (("--network", "vgg19=FILE"), "--network vgg19=FILE: expected NAME=FILE with NAME one of vgg16"),
        (("--network", "vgg16=none.pth"), "none.pth"),
        (("--pieces", "inf"), "--pieces: must be a finite number, of thousands, got inf"),
        (("--batch", "3", "--workers", "2"), "does not divide by 2 workers"),
    ],
)
def test_what_is_wrong_is_said(options: tuple[str, ...], said: str, higan_cam: Command, tmp_path: Path) -> None:
    status, _, err = higan_cam("train", "upscaler", "--output", str(tmp_path / "out"), *options)
    assert status == 2
    assert said in " ".join(err.split())


def test_an_output_that_is_no_folder_is_refused(higan_cam: Command) -> None:
    status, _, err = higan_cam("train", "upscaler", "--output", "s3://bucket/upscaler")
    assert status == 2
    assert "--output s3://bucket/upscaler: its files need a folder" in " ".join(err.split())
