"""A translator from a file, at any size, and its light as any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.relight import RESPONSES, Dial
from higan_cam.relight.translator import (
    Translator,
    light_in,
    load_translator,
    predict_light,
    save_translator,
    translate,
)
from higan_cam.relight.translator.curves import CURVES
from higan_cam.weights.files import save_tensors
from tests.relight.translator.conftest import picture

Build = Callable[..., Translator]


@pytest.mark.parametrize("size", [(16, 16), (61, 90), (130, 33), (16, 90)])
def test_tiles_give_the_light_of_the_whole_picture(size: tuple[int, int], build: Build) -> None:
    translator, shown = build(), picture(*size)
    mask = np.zeros(size, np.float32)
    mask[5:9, 20:25] = 1
    whole, tiled = (predict_light(translator, shown, mask, tile=tile) for tile in (1024, 18))
    assert whole.shape == (*size, 3)
    assert np.abs(whole - tiled).max() <= 1e-4 * whole.max()


@pytest.mark.parametrize("size", [(1, 1), (3, 4)])
def test_a_picture_of_one_deep_pixel_has_light_by_instance_norm_too(size: tuple[int, int], build: Build) -> None:
    translator = build(norm="instance", condition=False)
    whole, tiled = (predict_light(translator, picture(*size), tile=tile) for tile in (1024, 4))
    assert whole.shape == (*size, 3)
    assert np.isfinite(whole).all()
    np.testing.assert_allclose(whole, tiled, rtol=1e-4)


def test_light_is_of_the_pictures_size_and_a_gain_multiplies_it(build: Build) -> None:
    translator, shown = build(condition=False), picture(21, 30)
    light = predict_light(translator, shown)
    assert light.dtype == np.float32
    assert light.min() >= 0
    np.testing.assert_array_equal(predict_light(translator, shown, gain=2), 2 * light)


def test_a_network_with_a_dial_is_asked_for_the_gain(build: Build) -> None:
    translator, shown = build(condition=False, dial=True), picture(16, 16)
    first = translator.network.first.dial
    assert first is not None
    first.weight.data.normal_()
    low, high = (predict_light(translator, shown, gain=gain) for gain in (0.5, 1.0))
    assert not np.allclose(2 * low, high)


@pytest.mark.parametrize("response", list(RESPONSES))
def test_the_picture_gets_the_light_in_its_own_units_and_none_at_gain_0(response: str, build: Build) -> None:
    translator, shown = build(response), picture(20, 24)
    mask = np.ones((20, 24), np.float32)
    np.testing.assert_array_equal(translate(translator, shown, mask, Dial(0)), shown)
    layer, units = predict_light(translator, shown, mask), RESPONSES[response]
    expected = units.display(units.light(shown) + 0.5 * layer)
    assert np.abs(translate(translator, shown, mask, Dial(0.5)).astype(int) - expected).max() <= 1


def test_where_the_weight_is_0_there_is_no_light(build: Build) -> None:
    weight = np.zeros((20, 24), np.float32)
    weight[:, :5] = 1
    light = light_in(build(), picture(20, 24), np.ones((20, 24), np.float32), weight=weight)
    assert light.layer[:, :5].min() > 0
    assert light.layer[:, 5:].max() == 0


def test_light_looked_for_at_a_smaller_side_is_a_multiple_of_what_is_there(build: Build) -> None:
    """A picture of flat squares: what was found for a small square holds all over the large one."""
    small = picture(16, 20)
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1)
    translator, mask = build(), np.ones((64, 80), np.float32)
    found = light_in(translator, large, mask, side=16).layer
    assert found.shape == (64, 80, 3)
    known = predict_light(translator, small, mask[:16, :20])
    there = translator.response.light(large) + 0.02
    middle = np.median((found / there).reshape(16, 4, 20, 4, 3), axis=(1, 3))
    assert np.corrcoef(middle.ravel(), (known / (translator.response.light(small) + 0.02)).ravel())[0, 1] > 0.95


def test_a_file_gives_the_translator_back(build: Build, tmp_path: Path) -> None:
    made, shown = build(dial=True, norm="instance"), picture(24, 17)
    for place in ("one", "two"):
        save_translator(tmp_path / place, made.network, made.side, "film", "lamps")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    read, mask = load_translator(tmp_path / "one"), np.ones((24, 17), np.float32)
    assert (read.side, read.response.name, read.attribute) == (16, "film", "lamps")
    light = predict_light(made, shown, mask)
    assert np.abs(predict_light(read, shown, mask) - light).max() < 0.01 * light.max()  # 16-bit weights


def test_what_is_no_translator_is_refused_by_name(build: Build, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        load_translator(tmp_path / "none.safetensors")
    save_tensors(tmp_path / "other", {"a": torch.zeros(2)}, {})
    with pytest.raises(WeightsError, match=r"other: not a translator .*higan-cam train translator"):
        load_translator(tmp_path / "other")
    with pytest.raises(ValueError, match="mask="):
        predict_light(build(), picture(16, 16))
    with pytest.raises(ValueError, match=r"\(16, 16\).*\(8, 8\)"):
        predict_light(build(), picture(16, 16), np.zeros((8, 8), np.float32))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, build: Build, tmp_path: Path) -> None:
    made = build()
    made.network.head.weight.data[0, 0, 0, 0] = value
    save_translator(tmp_path / "diverged", made.network, made.side, "film", "lamps")
    with pytest.raises(WeightsError, match=r"diverged: not a translator \(head\.weight .*finite"):
        load_translator(tmp_path / "diverged")


@pytest.mark.parametrize("name", list(RESPONSES))
def test_the_curve_that_is_derived_is_the_table_that_pictures_are_read_by(name: str) -> None:
    curve, table = CURVES[name], RESPONSES[name]
    display = torch.arange(256, dtype=torch.float64) / 255
    np.testing.assert_allclose(curve.light(display).numpy(), table.levels, atol=1e-6)
    back = curve.display(curve.light(display))
    np.testing.assert_allclose(
        back.numpy(), np.minimum(display.numpy(), 254.75 / 255 if name == "film" else 1), atol=1e-3
    )
    light = torch.linspace(0, 1.5, 50, dtype=torch.float64, requires_grad=True)
    curve.display(light).sum().backward()
    assert light.grad is not None
    assert bool(torch.isfinite(light.grad).all())
