"""`higan-cam stylise`: what it reads, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from higan_cam.publish.images import decode_image
from higan_cam.redraw import stylise as redraw_stylise
from higan_cam.redraw.stylise import Stylised
from tests.relight.translator.conftest import picture
from tests.support.commands import Command


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[str, str, str]:
    """A content, a style, and where the result goes."""
    for name, size in (("content", (40, 52)), ("style", (64, 48))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture(*size))
    return str(tmp_path / "content.png"), str(tmp_path / "style.png"), str(tmp_path / "out.png")


def test_a_picture_takes_the_colours_of_another(
    pictures: tuple[str, str, str], higan_cam: Command, tmp_path: Path
) -> None:
    cv2.imwrite(pictures[0], np.full((40, 52, 3), 90, np.uint8))
    losses = ("--loss", "colour=1", "--loss", "pixel=0.001", "--optimizer", "adam", "--steps", "40")
    status, out, err = higan_cam("stylise", *pictures, *losses, "--json", str(tmp_path / "said.json"))
    assert status == 0, err
    assert "of the style" in out
    made = decode_image(Path(pictures[2]).read_bytes())
    assert made.shape == (40, 52, 3)
    wanted = decode_image(Path(pictures[1]).read_bytes()).mean(axis=(0, 1))
    assert np.abs(made.mean(axis=(0, 1)) - wanted).max() < 8
    assert json.loads((tmp_path / "said.json").read_text())["terms"]["colour"] < 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--loss", "pixel=1"), "no term of the style"),
        (("--loss", "gram:vgg16=1"), "needs the file of torchvision's VGG16"),
        (("--optimizer", "sgd", "--loss", "colour=1"), "optimizer: must be one of lbfgs, adam"),
    ],
)
def test_what_is_wrong_is_said(
    options: tuple[str, ...], said: str, pictures: tuple[str, str, str], higan_cam: Command
) -> None:
    status, _, err = higan_cam("stylise", *pictures, *options)
    assert status == 2
    assert said in " ".join(err.split())


@pytest.mark.parametrize(("width", "advice"), [(40, "give --side 800"), (16, "take a larger picture")])
def test_a_picture_that_is_too_narrow_is_named_with_the_side_that_would_do(
    width: int, advice: str, pictures: tuple[str, str, str], higan_cam: Command
) -> None:
    cv2.imwrite(pictures[1], picture(1000, width))
    status, _, err = higan_cam("stylise", *pictures, "--loss", "colour=1", "--steps", "1")
    assert status == 1
    said = " ".join(err.split())
    assert f"{width} x 1000 px" in said
    assert advice in said


def test_a_look_that_is_no_number_is_null_in_the_file(
    pictures: tuple[str, str, str], higan_cam: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Stylised(picture(40, 52), {"colour": 0.5}, {"colour": 1.0}, (1.0, float("nan")), 0)
    monkeypatch.setattr(redraw_stylise, "stylise", lambda *_: found)
    status, _, err = higan_cam("stylise", *pictures, "--loss", "colour=1", "--json", str(tmp_path / "said.json"))
    assert status == 0, err
    assert json.loads((tmp_path / "said.json").read_text())["losses"] == [1.0, None]


def test_a_picture_that_cannot_be_read_and_a_folder_of_several_are_refused(
    pictures: tuple[str, str, str], higan_cam: Command, tmp_path: Path
) -> None:
    status, _, err = higan_cam("stylise", str(tmp_path), *pictures[1:])
    assert status == 2
    assert "2 pictures are there; name one" in " ".join(err.split())
    Path(pictures[0]).write_bytes(b"\x89PNG\r\n\x1a\n")
    status, _, err = higan_cam("stylise", *pictures)
    assert status == 1
    assert "cannot be read" in " ".join(err.split())
    status, _, err = higan_cam("stylise", *pictures[:2], str(tmp_path / "out.jpg"))
    assert status == 2
    assert "a PNG is written" in " ".join(err.split())
