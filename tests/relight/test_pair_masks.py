"""Masks of pairs, off and on: where the published recipe goes wrong these do not, and what is empty says why."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.relight.pair_masks import PAIR_MASKS, fill_holes, ssim_published
from higan_cam.types import BoolArray, ByteArray

HOW = pytest.mark.parametrize("how", sorted(PAIR_MASKS))


def room(side: int = 96) -> ByteArray:
    rows, columns = np.mgrid[:side, :side]
    texture = 70 + 20 * np.sin(rows / 5.0) + 15 * np.cos(columns / 7.0)
    return np.repeat(texture[..., None], 3, axis=-1).astype(np.uint8)


def disc(y: float, x: float, radius: float, side: int = 96) -> BoolArray:
    rows, columns = np.mgrid[:side, :side]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def lit(before: ByteArray, where: BoolArray, level: int = 240) -> ByteArray:
    after = before.copy()
    after[where] = level
    return after


def noisy(picture: ByteArray, key: int, sigma: float = 2.0) -> ByteArray:
    noise = np.random.default_rng(np.random.Philox(key=key)).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


@HOW
def test_a_lamp_is_found(how: str) -> None:
    lamp = disc(40, 60, 10)
    found = PAIR_MASKS[how](room(), lit(room(), lamp), None)
    mask = found.mask > 0
    assert not found.reason
    assert (mask & lamp).sum() > 0.95 * lamp.sum()
    assert (mask | lamp).sum() < 1.6 * lamp.sum()


@HOW
def test_two_decodes_of_one_room_are_no_light(how: str) -> None:
    for key in range(5):
        found = PAIR_MASKS[how](noisy(room(), 2 * key), noisy(room(), 2 * key + 1), None)
        assert not found.mask.any()
        assert found.reason


@HOW
@pytest.mark.parametrize("after", [room(), np.zeros((96, 96, 3), np.uint8)])
def test_nothing_brighter_is_empty_with_a_reason(how: str, after: ByteArray) -> None:
    found = PAIR_MASKS[how](room(), after, None)
    assert not found.mask.any()
    assert found.reason


@HOW
def test_a_change_in_the_corner_does_not_flood_the_picture(how: str) -> None:
    after = lit(lit(room(), disc(0, 0, 8)), disc(60, 60, 10))
    assert (PAIR_MASKS[how](room(), after, None).mask > 0).mean() < 0.1
    assert ssim_published(room(), after).filled.all()  # the published recipe's is


def test_structure_turned_around_is_a_change() -> None:
    stripes = np.where(np.arange(96) // 3 % 2, 200, 40).astype(np.uint8)
    before = np.broadcast_to(stripes[:, None, None], (96, 96, 3)).copy()
    where = disc(48, 48, 20)
    after = before.copy()
    after[where] = 240 - before[where]
    found = PAIR_MASKS["ssim"](before, after, None).mask > 0
    brighter = where & (after[..., 0] > before[..., 0])
    assert (found & brighter).sum() > 0.9 * brighter.sum()


@HOW
def test_dim_light_is_light_too(how: str) -> None:
    glow = lit(room(), disc(40, 60, 12), 150)
    assert (PAIR_MASKS[how](room(), glow, None).mask > 0)[40, 60]
    assert not ssim_published(room(), glow).mask.any()  # nothing above grey level 200


@HOW
def test_only_what_touches_the_place_is_kept(how: str) -> None:
    after = lit(lit(room(), disc(25, 25, 9)), disc(70, 70, 9))
    found = PAIR_MASKS[how](room(), after, disc(25, 25, 2)).mask > 0
    assert found[25, 25]
    assert not found[70, 70]
    nowhere = PAIR_MASKS[how](room(), after, disc(90, 5, 2))
    assert not nowhere.mask.any()
    assert "does not touch" in nowhere.reason


@HOW
@pytest.mark.parametrize("side", [48, 192])
def test_pairs_of_two_sizes_are_brought_to_the_second_ones(how: str, side: int) -> None:
    found = PAIR_MASKS[how](room(side), lit(room(), disc(40, 60, 10)), None)
    assert found.mask.shape == (96, 96)


def test_holes_are_filled_and_the_border_encloses_nothing() -> None:
    ring = disc(48, 48, 20) & ~disc(48, 48, 15)
    assert fill_holes(ring)[48, 48]
    np.testing.assert_array_equal(fill_holes(ring | (np.arange(96) == 0)), fill_holes(ring) | (np.arange(96) == 0))
