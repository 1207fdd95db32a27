"""Scales of properties: kept statistics that read new pictures alike, and the published ones with their faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from higan_cam.errors import DataError
from higan_cam.label.properties.normalisation import (
    KINDS,
    Kind,
    decode_scale,
    fit_scale,
    published_minmax,
    published_zscore,
)


def test_published_scales_give_what_the_published_code_gave(shared: Path) -> None:
    """Of all ten tables; before rounding the figures agree to 1e-9, and no last digit differs here."""
    with np.load(shared / "reference2" / "property_normalisation.npz", allow_pickle=False) as reference:
        names = [name.removesuffix("_input") for name in reference.files if name.endswith("_input")]
        assert len(names) == 10
        for name in names:
            values = reference[f"{name}_input"]
            np.testing.assert_allclose(published_zscore(values), reference[f"{name}_zscore"], atol=1e-9, rtol=0)
            np.testing.assert_allclose(published_minmax(values[:, :5]), reference[f"{name}_minmax"], atol=1e-9, rtol=0)


def test_the_texts_own_example() -> None:
    values = np.array([[100.0], [250], [120], [180], [210]])
    assert published_minmax(values, signed=()).ravel().tolist() == [0, 1, 0.1333, 0.5333, 0.7333]
    assert np.isnan(published_zscore(np.full((3, 1), 0.1))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_new_pictures_are_read_by_the_statistics_of_the_first(kind: Kind) -> None:
    first = np.random.default_rng(0).normal(5, 2, 400)
    scale = decode_scale(fit_scale({"eyes": first}, kind).encode(), "here")
    alone = np.array([scale.read({"eyes": np.array([value])})["eyes"][0] for value in first[:20]])
    assert np.array_equal(alone, scale.read({"eyes": first})["eyes"][:20])
    with pytest.raises(DataError, match="no statistics of mouth; the scale has eyes"):
        scale.read({"mouth": first})


def test_one_outlier_does_not_squeeze_everybody_on_a_robust_scale() -> None:
    values = np.append(np.linspace(0, 1, 1000), 1e6)
    robust, minmax = (fit_scale({"eyes": values}, kind).read({"eyes": values})["eyes"] for kind in ("robust", "minmax"))
    assert np.ptp(minmax[:-1]) < 1e-5
    assert np.ptp(robust[:-1]) == 1
    assert robust[-1] == 1


def test_what_is_missing_stays_missing_and_counts_nowhere() -> None:
    values = np.array([1.0, np.nan, 3, np.inf])
    scale = fit_scale({"eyes": values}, "minmax")
    assert scale.columns["eyes"].known == 2
    np.testing.assert_array_equal(scale.read({"eyes": values})["eyes"], [0, np.nan, 1, np.nan])


@pytest.mark.parametrize(("kind", "middle"), [("zscore", 0.0), ("minmax", 0.5), ("robust", 0.5)])
def test_a_constant_property_is_the_middle_and_is_warned_of(
    kind: Kind, middle: float, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", logger="higan_cam"):
        scale = fit_scale({"eyes": np.full(3, 0.1), "mouth": np.full(3, np.nan)}, kind)
    assert "eyes: the same in all 3 pictures" in caplog.text
    assert "mouth: of no picture known" in caplog.text
    np.testing.assert_array_equal(scale.read({"eyes": np.array([0.1, np.nan])})["eyes"], [middle, np.nan])
    assert np.isnan(scale.read({"mouth": np.ones(2)})["mouth"]).all()


@pytest.mark.parametrize("body", [b"", b"[]", b'{"kind": "other", "columns": {}}', b'{"kind": "minmax", "columns": 3}'])
def test_a_file_that_is_no_scale_is_named(body: bytes) -> None:
    with pytest.raises(DataError, match=r"scale\.json: no scale of properties"):
        decode_scale(body, "scale.json")
