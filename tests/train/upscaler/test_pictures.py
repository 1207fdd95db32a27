"""What an upscaler learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError, DataError
from higan_cam.generate.images import to_uint8
from higan_cam.train.upscaler.pictures import Pieces, held_out_of, large_of, read_pictures, with_digest
from higan_cam.train.upscaler.settings import UpscalerSettings

Settings = Callable[..., UpscalerSettings]


def test_what_can_be_used_is_read_and_some_is_held_out(small: Settings) -> None:
    settings = small()
    read = read_pictures(settings)
    assert read is not None
    assert (len(read.train), len(read.held_out)) == (8, 2)
    assert [each.shape for each in held_out_of(settings, read)] == [(40, 48, 3), (40, 56, 3)]
    told = with_digest(settings, read)
    assert with_digest(told, read) == told
    with pytest.raises(ConfigError, match="has changed since training began"):
        with_digest(replace(settings, sha256="other"), read)


def test_too_few_pictures_are_refused_with_a_reason(small: Settings) -> None:
    with pytest.raises(DataError, match=r"0 pictures can be used.*\(12 cannot, such as 0\.png: smaller than 64 px"):
        read_pictures(small(side=64))


def test_a_place_of_training_shows_the_same_piece_whoever_asks(small: Settings) -> None:
    settings = small()
    large = large_of(settings, read_pictures(settings))
    whole = large.draw(range(20))
    assert whole.shape == (20, 3, 32, 32)
    assert torch.equal(torch.cat([large.draw(range(3)), large.draw(range(3, 20))]), whole)


def test_every_picture_is_shown_once_before_any_twice() -> None:
    pictures = [np.full((8, 8, 3), level, np.uint8) for level in range(5)]
    shown = to_uint8(Pieces(pictures, 8, 1, mirror=True).draw(range(10)))[:, 0, 0, 0]
    assert sorted(shown[:5]) == sorted(shown[5:]) == [0, 1, 2, 3, 4]
    assert list(shown[:5]) != list(shown[5:])


def test_a_piece_is_a_part_of_its_picture_at_its_own_size() -> None:
    picture = np.random.Generator(np.random.Philox(0)).integers(0, 256, (20, 30, 3), np.uint8)
    pieces = to_uint8(Pieces([picture], 8, 0, mirror=False).draw(range(6)))
    windows = np.lib.stride_tricks.sliding_window_view(picture, (8, 8), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
    places = {tuple(np.argwhere((windows == piece).all(axis=(2, 3, 4)))[0]) for piece in pieces}
    assert len(places) > 3


def test_rooms_are_new_ones_and_of_whole_levels(small: Settings, tmp_path: Path) -> None:
    settings = small(pictures="rooms", held_out=2)
    shown = large_of(settings, None).draw(range(2))
    levels = (shown + 1) * 127.5
    assert shown.shape == (2, 3, 32, 32)
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert not torch.equal(shown[0], shown[1])
    assert [each.shape for each in held_out_of(settings, None)] == [(32, 32, 3)] * 2
