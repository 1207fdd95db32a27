"""The published brightness and warmth, and the published mask of a pair, byte for byte as they were recorded."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from higan_cam.relight.pair_masks import ssim_published
from higan_cam.relight.published import blurred_mask, brighter_and_warmer

CASES = (
    *("lamp_and_glow", "two_lamps_with_reconstruction_noise", "identical", "change_touches_the_corner"),
    *("inverted_stripes_negative_ssim", "glow_but_nothing_above_200", "bright_ring_with_a_similar_middle", "size_512"),
)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    if not (shared / "reference2").is_dir():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    return shared / "reference2"


def recorded(path: Path) -> Mapping[str, npt.NDArray[Any]]:
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays.files}


def test_the_pages_sliders_give_the_pages_bytes(folder: Path) -> None:
    known = recorded(folder / "brightness_temperature.npz")
    np.testing.assert_array_equal(blurred_mask(known["mask"]), known["blurred_mask"])
    for row, brightness in enumerate(known["brightness"]):
        for column, warmth in enumerate(known["temperature"]):
            made = brighter_and_warmer(known["image"], known["mask"], float(brightness), int(warmth))
            np.testing.assert_array_equal(made, known["result"][row, column])


def test_sliders_at_rest_change_nothing() -> None:
    picture = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    np.testing.assert_array_equal(brighter_and_warmer(picture, np.full((16, 16), 255, np.uint8), 1, 0), picture)


@pytest.mark.parametrize(("brightness", "warmth"), [(0.9, 0), (2.1, 0), (1, 51), (1, -51), (float("nan"), 0)])
def test_settings_that_the_page_does_not_have_are_refused(brightness: float, warmth: int) -> None:
    with pytest.raises(ValueError, match="brightness must be 1-2 and warmth -50 to 50"):
        brighter_and_warmer(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), brightness, warmth)


@pytest.mark.parametrize("case", CASES)
def test_the_published_mask_of_a_pair_is_reproduced(folder: Path, case: str) -> None:
    known = recorded(folder / "ssim_mask.npz")
    figures = json.loads((folder / "ssim_mask.json").read_text())["cases"][case]
    before, after = (known[f"{case}_{which}"][..., ::-1] for which in ("before", "after"))
    made, step = ssim_published(before, after), 1 if figures["full_arrays"] else 4
    assert made.ssim[3:-3, 3:-3].mean() == pytest.approx(figures["ssim"], abs=1e-6)
    if figures["full_arrays"]:
        np.testing.assert_allclose(made.ssim[::4, ::4], known[f"{case}_ssim_probe"], atol=1e-6)
    np.testing.assert_array_equal(made.difference[::step, ::step], known[f"{case}_diff_u8"])
    assert made.threshold == figures["otsu_threshold"]
    for name, steps in (("thresh", made.changed), ("filled", made.filled), ("bright", made.bright)):
        np.testing.assert_array_equal(np.packbits(steps, axis=-1), known[f"{case}_{name}"], err_msg=name)
    assert np.abs(made.mask[::step, ::step].astype(int) - known[f"{case}_mask"]).max() <= 1
    assert zlib.crc32(made.mask.tobytes()) == figures["mask_crc32"]
