"""The published formulas against what the published code gave, and by hand on maps of a few pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from higan_cam.errors import DataError
from higan_cam.label.properties.hairstyle import hairstyle, recolour_hair
from higan_cam.label.properties.published import Value, properties_v1, properties_v2
from higan_cam.types import ByteArray
from tests.support.reference2 import picture

REASONS = {
    "no_nose": ("v1_pose", "no nose"),
    "one_pixel_nose": ("v1_pose", "a nose of one pixel"),
    "vertical_line_nose_constant_x": ("v1_pose", "a nose in one column"),
    "horizontal_line_nose_constant_y": ("v1_pose", "a nose in one row"),
    "no_hair": ("v1_hair_length", "no hair"),
    "eyes_same_mean_x_pose_v2_infinite": ("v2_pose", "one eye straight above the other"),
}


def test_published_formulas_give_what_the_published_code_gave(shared: Path) -> None:
    """All 65 maps within 1e-9; where the code gave None, NaN, infinity or raised, and there alone, a reason."""
    folder = shared / "reference2"
    with np.load(folder / "property_scores.npz", allow_pickle=False) as reference:
        maps, parameters = reference["maps"], reference["image_params"]
        columns = [str(column) for column in reference["columns"]]
    cases = json.loads((folder / "property_scores.json").read_text())["cases"]
    assert len(maps) == len(cases) == 65
    for labels, params, case in zip(maps, parameters, cases, strict=True):
        found = _all(labels, picture(params, 224).transpose(1, 2, 0))
        missing = {column for column in columns if case["values"][column] is None}
        assert {column for column in columns if not found[column].valid} == missing, case["name"]
        for column in set(columns) - missing:
            assert found[column].value == pytest.approx(case["values"][column], abs=1e-9, rel=0), case["name"]
        column, reason = REASONS.get(case["name"], ("", ""))
        if reason:
            assert found[column].reason == reason
            assert np.isnan(found[column].value)


def test_eyes_of_the_first_version_end_at_row_139_though_their_window_goes_on() -> None:
    labels, grey = _canvas()
    labels[138:146, 60:70] = 4
    assert properties_v1(labels, grey)["eyes"].value == 0.5  # rows 138 and 139, half of two eyes
    assert properties_v2(labels, grey)["eyes"].value == pytest.approx(7 * 9 / 130**0.5)


def test_pose_of_the_second_version_is_how_the_eyes_tilt() -> None:
    labels, grey = _canvas()
    labels[90, 60], labels[100, 160] = 4, 5
    assert properties_v2(labels, grey)["pose"].value == 0.1
    labels[90, 60], labels[90, 161] = 0, 4
    assert properties_v2(labels, grey)["pose"].value == -10


def test_an_eye_outside_its_window_is_none() -> None:
    labels, grey = _canvas()
    labels[90:95, 180:190] = 4  # columns 0..167 are the left eye's
    labels[100:105, 100:110] = 5
    found = properties_v2(labels, grey)
    assert found["pose"].value == 0
    assert found["eyes"].value == pytest.approx(4 * 9 / 97**0.5)


def test_of_one_hair_pixel_the_versions_say_its_colour_and_nothing() -> None:
    labels, grey = _canvas()
    labels[30, 40] = 10
    assert properties_v1(labels, grey)["hair_color"].value == 90
    assert properties_v2(labels, grey)["hair_color"].value == 127.5


def test_other_sizes_are_refused_by_name() -> None:
    labels, grey = np.zeros((128, 128), np.uint8), np.zeros((128, 128, 3), np.uint8)
    for formula in (properties_v1, properties_v2, hairstyle):
        with pytest.raises(DataError, match=r"label map \(128, 128\)"):
            formula(labels, grey)


def test_hair_in_stripes_across_is_curlier_than_in_stripes_down() -> None:
    labels = np.full((224, 224), 10, np.uint8)
    across = np.repeat(np.where(np.arange(224) // 8 % 2, 40, 200), 224).reshape(224, 224).astype(np.uint8)
    colours = [np.repeat(side[..., None], 3, axis=2) for side in (across, across.T)]
    curly, straight = (hairstyle(labels, each).value for each in colours)
    assert straight == 0
    assert curly > 10


def test_hair_takes_the_colour_from_its_height_downwards_alone() -> None:
    pixels = np.full((40, 8, 3), 100, np.uint8)
    probability = np.zeros((40, 8))
    probability[10:31, 2:6] = 1
    coloured = recolour_hair(pixels, probability, (200, 0, 0), height=0.5, gradient=0.5)
    assert np.array_equal(coloured[:21], pixels[:21])
    assert np.array_equal(coloured[:, :2], pixels[:, :2])
    # 1.35 * 100 + 0.25 * 200 - 38.25 = 146.75; green and blue 96.75
    assert coloured[30, 3].tolist() == [147, 97, 97]
    assert 100 < coloured[23, 3, 0] < 147
    assert np.array_equal(recolour_hair(pixels, 0 * probability, (200, 0, 0), height=1, gradient=1), pixels)
    with pytest.raises(DataError, match="height 2"):
        recolour_hair(pixels, probability, (200, 0, 0), height=2, gradient=0.5)


def _all(labels: ByteArray, pixels: ByteArray) -> dict[str, Value]:
    first, second = properties_v1(labels, pixels), properties_v2(labels, pixels)
    assert all(first[name] == second[name] for name in ("background_mean", "background_std"))
    versions = {"v1": first, "v2": second}
    named = {f"{version}_{name}": value for version, found in versions.items() for name, value in found.items()}
    return {**named, **first, "v3_hairstyle": hairstyle(labels, pixels)}


def _canvas() -> tuple[ByteArray, ByteArray]:
    return np.zeros((224, 224), np.uint8), np.full((224, 224, 3), 90, np.uint8)
