"""A network's light at a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.relight import Dial, relight
from higan_cam.relight.composers import Composer, Spot, load_composer
from higan_cam.relight.composers.translator import lamp_mask
from higan_cam.relight.translator import load_translator, predict_light, save_translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.types import FloatArray, Place
from higan_cam.weights.files import sha256_of
from tests.relight.translator.conftest import picture

SIZE = (60, 80)
PLACE = Place(0, 0.25, 0.5, 0.25, 0.5, 0.0, 0.0)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A translator of random weights."""
    torch.manual_seed(0)
    save_translator(tmp_path / "weights", TranslatorNetwork((8, 8, 16)), 32, "film", "lamps")
    return tmp_path / "weights"


def heat() -> FloatArray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.asarray(np.exp(-((rows - 30) ** 2 + (columns - 20) ** 2) / 50), np.float32)


def composer(weights: Path, side: int = -1) -> Composer:
    return load_composer("translator", weights=str(weights), side=side, core=0.5)


def test_it_is_the_networks_light_where_the_heat_is_strong(weights: Path) -> None:
    spot = Spot(picture(*SIZE), PLACE, heat())
    made = composer(weights)(spot)
    expected = predict_light(load_translator(weights), spot.picture, (heat() >= 0.5).astype(np.float32))
    np.testing.assert_array_equal(made.light.layer, expected)
    assert made.light.response.name == "film"
    told = {"composer": "translator", "side": None, "core": 0.5, "translator": sha256_of(weights)}
    assert made.settings == {**told, "seed": spot.seed}
    np.testing.assert_array_equal(made.picture, spot.picture)


@pytest.mark.parametrize("side", [-1, 0, 16])
def test_every_byte_beyond_mask_and_feather_is_the_pictures_own(side: int, weights: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[20:40, 10:40] = 255
    spot = Spot(picture(*SIZE), PLACE, heat(), mask)
    made = composer(weights, side)(spot)
    lit = relight(made.picture, [made.light], [Dial(2.0)])
    outside = spot.weight == 0
    np.testing.assert_array_equal(lit[outside], spot.picture[outside])
    assert (lit[mask > 0].astype(int) > spot.picture[mask > 0]).mean() > 0.8


def test_the_lamp_is_where_heat_else_mask_else_the_place_says() -> None:
    shown, mask = picture(*SIZE), np.zeros(SIZE, np.uint8)
    mask[5:9, 50:55] = 255
    np.testing.assert_array_equal(lamp_mask(Spot(shown, PLACE, heat(), mask), 0.5), heat() >= 0.5)
    np.testing.assert_array_equal(lamp_mask(Spot(shown, PLACE, None, mask), 0.5), mask > 0)
    rows, columns = np.nonzero(lamp_mask(Spot(shown, PLACE), 0.5))
    assert (rows.mean(), columns.mean()) == pytest.approx((29.5, 19.5), abs=0.6)
    assert not lamp_mask(Spot(shown, PLACE, np.zeros(SIZE, np.float32)), 0.5).any()


def test_an_empty_mask_has_a_reason_and_a_wrong_file_is_refused(weights: Path, tmp_path: Path) -> None:
    made = composer(weights)(Spot(picture(*SIZE), PLACE, heat(), np.zeros(SIZE, np.uint8)))
    assert "mask is empty" in made.reason
    with pytest.raises(WeightsError, match="nothing"):
        composer(tmp_path / "nothing")
