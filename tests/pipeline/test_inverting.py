"""Files of a folder to rows of codes: what cannot be read is a row with a reason, and stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from higan_cam.config import RunConfig, parse_config
from higan_cam.generate import DCGAN
from higan_cam.invert import code_statistics
from higan_cam.pictures import freeze_listing, open_pictures
from higan_cam.pipeline import Models
from higan_cam.pipeline.inverting import Inverter, invert_unit
from higan_cam.store import open_store
from higan_cam.types import PictureCode
from tests.support.generators import small_latent
from tests.support.pictures import pixels, saved
from tests.support.scorers import SmoothScore

GOOD, BAD, UNIT = 170, 30, 25
WHOLE = saved(pixels(0))
WAYS: tuple[Callable[[int], bytes], ...] = (
    lambda _: b"",
    lambda _: b"<!doctype html><title>sign in</title>",
    lambda index: saved(pixels(index))[: len(WHOLE) // 2],
    lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n",
    lambda index: b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes([index]),
)
"""What a file may be that ends like a picture's name and is none."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """170 pictures, and 30 files that are none spread among them."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(GOOD + BAD):
        bad = index % 20 in (0, 7, 13)
        body = WAYS[(index + index // 20) % len(WAYS)](index) if bad else saved(pixels(index))
        (photos / f"{index:03d}{' bad' if bad else ''}.png").write_bytes(body)
    return photos


def inverted(folder: Path, config: RunConfig) -> list[PictureCode]:
    generator = small_latent(DCGAN).float()
    models = Models(generator, SmoothScore(), torch.device("cpu"))
    inverter = Inverter(code_statistics(generator, samples=200), None)
    listing = list(freeze_listing(open_store(str(folder.parent / "run")), str(folder)))
    source = open_pictures(str(folder))
    units = [listing[first : first + UNIT] for first in range(0, len(listing), UNIT)]
    return [code for unit in units for code in invert_unit(models, config, inverter, unit, source.read)]


def test_thirty_bad_files_in_two_hundred_have_reasons_and_the_others_codes(folder: Path) -> None:
    invert = {"method": "optimise", "steps": 1, "align": False}
    config = parse_config({"source": {"kind": "pictures", "pictures": str(folder)}, "invert": invert})
    codes = inverted(folder, config)
    assert [code.key for code in codes] == sorted(path.name for path in folder.iterdir())
    unreadable = [code for code in codes if code.status == "unreadable"]
    assert {code.key for code in unreadable} == {path.name for path in folder.glob("* bad.png")}
    assert len(unreadable) == BAD
    assert all(code.reason for code in unreadable)
    assert len({code.reason for code in unreadable}) == len(WAYS) - 1, "two of the ways break off"
    done = [code for code in codes if code.status == "ok"]
    assert len(done) == GOOD
    assert all(code.w_plus.any() for code in done)
