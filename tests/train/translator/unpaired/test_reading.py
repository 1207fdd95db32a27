"""Two folders without pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from higan_cam.errors import DataError
from higan_cam.generate.images import from_uint8
from higan_cam.train.translator.unpaired.reading import read_folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings

Settings = Callable[..., UnpairedSettings]


def test_every_picture_is_shown_once_before_any_twice_and_the_folders_have_orders_of_their_own(small: Settings) -> None:
    settings = small(on=small().off)  # the same folder twice: were the orders one, both would be equal
    folders = read_folders(settings)
    off, on = folders.draw(settings, range(8))
    for shown in (off, on):
        assert torch.equal(
            shown.sum(dim=(1, 2, 3)).sort()[0], from_uint8(folders.off.train).sum(dim=(1, 2, 3)).sort()[0]
        )
    assert not torch.equal(off, on)
    assert torch.equal(torch.cat([folders.draw(settings, range(3))[1], folders.draw(settings, range(3, 8))[1]]), on)


def test_mirror_images_turn_some_of_each_folder(small: Settings) -> None:
    folders, settings = read_folders(small()), small(mirror=True)
    for plain, shown in zip(folders.draw(small(), range(8)), folders.draw(settings, range(8)), strict=True):
        turned = [not torch.equal(a, b) for a, b in zip(plain, shown, strict=True)]
        assert 0 < sum(turned) < 8
        assert all(torch.equal(a.flip(2) if t else a, b) for a, b, t in zip(plain, shown, turned, strict=True))


def test_a_folder_of_too_few_pictures_is_refused(small: Settings, tmp_path: Path) -> None:
    assert read_folders(small()).off.train.shape == (8, 16, 16, 3)
    with pytest.raises(DataError, match="9 are to be held out"):
        read_folders(small(held_out=9))
