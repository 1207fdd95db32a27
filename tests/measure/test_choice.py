"""The attribution is chosen by what its masks hold, and by nothing that the area of a mask is worth."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.config import RunConfig, parse_config
from higan_cam.errors import DataError
from higan_cam.measure.choice import COVERAGE, choose, gains_of
from higan_cam.pipeline import Models
from higan_cam.types import Boundary, FloatArray

NAMES = ("first", "second", "third")


def measured(**figures: list[tuple[float, ...]]) -> dict[str, FloatArray]:
    """Figures by name, a row per candidate; all masks take a tenth of the picture."""
    known = {name: np.array(rows, np.float32) for name, rows in figures.items()}
    return {**known, COVERAGE: np.full((3, 2), 0.1, np.float32)}


def test_the_highest_mean_of_all_figures_is_chosen() -> None:
    found = choose(
        NAMES,
        measured(
            retention=[(0.9, 0.9), (0.6, 0.8), (0.1, 0.1)],
            necessity=[(0.1, 0.1), (0.7, 0.7), (0.2, 0.2)],
        ),
    )
    assert (found.name, found.samples) == ("second", 2)
    assert [one.name for one in found.candidates] == ["second", "first", "third"]
    assert [one.gain.value for one in found.candidates] == pytest.approx([0.7, 0.5, 0.15])
    assert [one.behind.value for one in found.candidates] == pytest.approx([0, 0.2, 0.55])
    assert found.candidates[1].figures["retention"].value == pytest.approx(0.9)


def test_of_equal_ones_the_first_named_is_chosen() -> None:
    found = choose(NAMES, measured(retention=[(0.1, 0.2), (0.25, 0.5), (0.5, 0.25)]))
    assert found.name == "second"


def test_a_sample_without_a_number_counts_for_nobody() -> None:
    found = choose(NAMES, measured(retention=[(0.5, 0.5), (np.nan, 0.6), (9.0, 0.1)]))
    assert (found.name, found.samples) == ("second", 1)
    with pytest.raises(DataError, match="any of 2 samples"):
        choose(NAMES, measured(retention=[(0.5, np.inf), (np.nan, 0.6), (9.0, 0.1)]))


def choosing(*candidates: str) -> RunConfig:
    return parse_config({"attribution": {"name": "auto", "candidates": candidates}, "mask": {"micro_batch": 4}})


def test_on_lamps_the_change_of_light_holds_more_than_the_published_map(models: Models, boundary: Boundary) -> None:
    config = choosing("activation_difference", "light_change")
    figures = gains_of(models, config, boundary, range(4))
    assert set(figures) == {"retention", "necessity", "retention_second", "necessity_second", COVERAGE}
    found = choose(config.attribution.candidates, figures)
    assert found.name == "light_change"
    assert found.candidates[1].behind.value > 0.1


def test_gains_do_not_depend_on_the_other_samples(models: Models, boundary: Boundary) -> None:
    config = choosing("light_change", "image_difference")
    whole = gains_of(models, config, boundary, range(2, 6))["necessity"]
    parts = [gains_of(models, config, boundary, range(start, start + 2))["necessity"] for start in (2, 4)]
    np.testing.assert_allclose(whole, np.concatenate(parts, axis=1), atol=1e-3)
