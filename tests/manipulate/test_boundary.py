"""Boundaries recover a known direction, measure themselves honestly, and can be made conditional."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from higan_cam.config import BoundaryConfig
from higan_cam.errors import ConfigError, DataError
from higan_cam.manipulate.boundary import condition, fit_boundary
from higan_cam.manipulate.extremes import check_extremes, select_extremes
from higan_cam.manipulate.fitting import METHODS, LabelledCodes
from higan_cam.types import Boundary

DIMENSION = 24
TRUE = np.random.default_rng(7).standard_normal(DIMENSION)
TRUE /= np.linalg.norm(TRUE)
Samples = tuple[LabelledCodes, LabelledCodes, LabelledCodes]


def labelled(noise: float = 0.5, n: int = 3000, tail: int = 300, centre: float = 0.0) -> Samples:
    g = np.random.default_rng(3)
    codes = (centre * TRUE + g.standard_normal((n, DIMENSION))).astype(np.float32)
    scores = codes @ TRUE + noise * g.standard_normal(n)
    extremes = select_extremes(scores, np.arange(n), tail)
    check_extremes(extremes)
    high, low = extremes.highest.indices, extremes.lowest.indices
    rest = np.setdiff1d(np.arange(n), np.concatenate([high, low]))
    parts = [LabelledCodes(codes[rows], scores[rows]) for rows in (high, low, rest)]
    return parts[0], parts[1], parts[2]


def fitted(samples: Samples, method: str = "svm", c: float | str = "auto", seed: int = 0) -> Boundary:
    config = BoundaryConfig(method=method, C=c)
    return fit_boundary(*samples, config, attribute="light", layers=(6, 7), seed=seed)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_boundary_does_not_depend_on_the_number_of_threads(method: str) -> None:
    g = np.random.default_rng(5)
    codes = g.standard_normal((1600, 512)).astype(np.float32)  # enough for BLAS to divide the work
    parts = codes[:400] + 0.1, codes[400:800] - 0.1, codes[800:]
    samples = [LabelledCodes(part, part.sum(1) + offset) for part, offset in zip(parts, (1e3, -1e3, 0), strict=True)]
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            boundary = fitted((samples[0], samples[1], samples[2]), method)
        found.append((boundary.offset, boundary.normal.tobytes(), json.dumps(boundary.metrics)))
    assert found[0] == found[1]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_finds_the_direction_and_the_middle(method: str) -> None:
    boundary = fitted(labelled(centre=4.0), method)
    assert boundary.normal @ TRUE > 0.95
    assert np.linalg.norm(boundary.normal) == pytest.approx(1, abs=1e-6)
    assert boundary.offset == pytest.approx(-4, abs=0.4)
    assert boundary.metrics["validation_accuracy"] > 0.97
    assert boundary.metrics["spearman_outside_tails"] > 0.6
    assert (boundary.attribute, boundary.layers, boundary.space) == ("light", (6, 7), "w")


def test_auto_takes_a_smaller_c_than_one_and_comes_closer_to_the_truth() -> None:
    samples = labelled(noise=1.0)
    published, chosen = fitted(samples, c=1.0), fitted(samples)
    assert chosen.metrics["C"] < published.metrics["C"] == 1.0
    assert chosen.normal @ TRUE > published.normal @ TRUE
    tried = {entry["C"]: entry["spearman_selection"] for entry in chosen.metrics["C_tried"]}
    assert tried[chosen.metrics["C"]] == max(tried.values())


def test_metrics_are_json_and_say_what_was_used() -> None:
    samples = labelled()
    boundary = fitted(samples)
    assert json.loads(json.dumps(boundary.metrics, allow_nan=False)) == boundary.metrics
    assert boundary.metrics["counts"] == {"train": 420, "validation": 180, "selection": 1200, "report": 1200}
    assert boundary.metrics["score_thresholds"]["highest_min"] == samples[0].scores.min()
    assert boundary.metrics["score_response"] is None
    assert -1 <= boundary.metrics["cosine_to_mean_difference"] <= 1


def test_the_same_seed_gives_the_same_bytes() -> None:
    samples = labelled()
    one, two, other = fitted(samples, seed=5), fitted(samples, seed=5), fitted(samples, seed=6)
    assert one.normal.tobytes() == two.normal.tobytes()
    assert (one.offset, one.metrics) == (two.offset, two.metrics)
    assert one.normal.tobytes() != other.normal.tobytes()


def test_a_random_score_shows_no_correlation_outside_the_tails() -> None:
    """The reported figure is unbiased although C was chosen by the same kind of figure."""
    highest, lowest, rest = labelled(noise=300.0)
    assert abs(fitted((highest, lowest, rest)).metrics["spearman_outside_tails"]) < 0.1


def test_without_a_rest_the_tails_choose_and_nothing_is_claimed() -> None:
    highest, lowest, rest = labelled()
    none = LabelledCodes(rest.codes[:0], rest.scores[:0])
    boundary = fitted((highest, lowest, none))
    assert boundary.metrics["C_selected_on"] == "validation tails"
    assert boundary.metrics["spearman_outside_tails"] is None
    assert fitted((highest, lowest, none), "ridge").normal @ TRUE > 0.95


def test_unusable_samples_are_refused() -> None:
    highest, lowest, rest = labelled()
    with pytest.raises(DataError, match="the tails overlap"):
        fitted((lowest, highest, rest))
    with pytest.raises(DataError, match="rest holds NaN"):
        fitted((highest, lowest, replace(rest, scores=rest.scores * np.nan)))
    with pytest.raises(DataError, match="lowest must be codes"):
        fitted((highest, replace(lowest, codes=lowest.codes[:, 1:]), rest))
    one = LabelledCodes(lowest.codes[:1], lowest.scores[:1])
    with pytest.raises(DataError, match="got 300 and 1"):
        fitted((highest, one, rest))
    same = [replace(part, codes=np.ones_like(part.codes)) for part in (highest, lowest, rest)]
    with pytest.raises(DataError, match="no direction"):
        fitted((same[0], same[1], same[2]), "mean_difference")
    with pytest.raises(ConfigError, match="Did you mean 'svm'"):
        fitted((highest, lowest, rest), "svn")


def plane(normal: list[float], offset: float = 0.0, attribute: str = "a") -> Boundary:
    unit = np.array(normal, dtype=np.float32)
    return Boundary(unit / np.linalg.norm(unit), offset, "w", (0,), attribute, {"method": "svm"})


def test_a_conditioned_boundary_keeps_the_distance_to_the_others() -> None:
    others = [plane([0, 1, 1, 0], attribute="b"), plane([0, 1, 0, 0], attribute="c"), plane([0, 1, 1, 0])]
    result = condition(plane([1, 1, 1, 1], offset=2.0), others)
    np.testing.assert_allclose(result.normal, np.array([1, 0, 0, 1]) / np.sqrt(2), atol=1e-6)
    assert result.metrics["conditioned_on"] == ["b", "c", "a"]
    assert result.metrics["unconditioned"] == {"method": "svm"}
    nearest = -2.0 * plane([1, 1, 1, 1]).normal
    assert result.distance(nearest[None])[0] == pytest.approx(0, abs=1e-6)


def test_conditioning_on_nothing_changes_nothing_and_on_itself_is_refused() -> None:
    boundary = plane([1, 2, 3])
    assert condition(boundary, []) is boundary
    with pytest.raises(DataError, match="nothing remains"):
        condition(boundary, [plane([1, 0, 0]), plane([0, 2, 3])])
    with pytest.raises(ConfigError, match="same space"):
        condition(boundary, [plane([1, 0])])
