"""Distances by matrix products are those of subtraction, also over several blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from higan_cam.errors import DataError
from higan_cam.measure.generation import alike
from higan_cam.measure.generation.alike import closest_pair, coarse, has_earlier, nearest, pairs_below
from higan_cam.types import ByteArray, FloatArray

Blobs = Callable[..., ByteArray]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "AT_ONCE", 7)


def distances(rows: FloatArray, others: FloatArray) -> FloatArray:
    found: FloatArray = pairwise_distances(rows.astype(np.float64), others) / np.sqrt(rows.shape[1])
    return found


def test_the_nearest_is_that_of_scikit_learn(blobs: Blobs) -> None:
    rows, others = coarse(blobs(20, 1)), coarse(blobs(50, 2))
    truth = distances(rows, others)
    found, which = nearest(rows, others)
    np.testing.assert_array_equal(which, truth.argmin(axis=1))
    np.testing.assert_allclose(found, truth.min(axis=1), rtol=1e-4)


def test_pairs_are_all_those_of_scikit_learn_once_each_the_closest_first(blobs: Blobs) -> None:
    rows = coarse(blobs(40, 1))
    truth = distances(rows, rows)
    bound = float(np.quantile(truth[np.triu_indices(40, 1)], 0.1))
    found, pairs = pairs_below(rows, bound)
    expected = {(i, j) for i in range(40) for j in range(i + 1, 40) if truth[i, j] < bound}
    assert {(int(i), int(j)) for i, j in pairs} == expected
    assert len(pairs) == len(expected) > 10
    assert (np.diff(found) >= 0).all()
    assert closest_pair(rows) == pytest.approx(found[0], rel=1e-3)


def test_the_same_picture_lighter_is_the_same(blobs: Blobs) -> None:
    picture = blobs(1, 3)
    assert nearest(coarse(picture), coarse(picture + 20))[0][0] < 1e-3


def test_an_equal_picture_is_at_no_distance(blobs: Blobs) -> None:
    rows = coarse(blobs(30, 4))
    assert nearest(rows, rows)[0].max() < 1e-3


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 9, 3), np.uint8), np.zeros((1, 8, 8, 3))]
)
def test_other_arrays_are_refused(wrong: ByteArray) -> None:
    with pytest.raises(DataError, match=r"\(N,S,S,3\) of uint8"):
        coarse(wrong)


def test_rows_with_an_earlier_one_that_is_as_good_as_equal_are_marked_over_all_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = np.random.Generator(np.random.Philox(4))
    rows = draw.standard_normal((7, 3)).astype(np.float32)
    rows = np.concatenate([rows, rows[[2, 2, 5]] + np.float32(1e-6)])
    for at_once in (2, 100):
        monkeypatch.setattr(alike, "AT_ONCE", at_once)
        assert has_earlier(rows, 1e-2).tolist() == [False] * 7 + [True] * 3
