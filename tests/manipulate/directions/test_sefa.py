"""SeFa against numpy's SVD, and on weights whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.errors import ConfigError
from higan_cam.manipulate.directions import sefa

DRAW = np.random.default_rng(3)
WEIGHTS = [DRAW.standard_normal((count, 12)) * np.linspace(1, 4, 12) for count in (20, 7)]


def test_it_is_the_singular_vectors_of_the_stacked_weights() -> None:
    _, sizes, right = np.linalg.svd(np.concatenate(WEIGHTS))
    found = sefa(WEIGHTS, 12, (0, 1), 2)
    for direction, size, vector in zip(found, sizes, right, strict=True):
        assert abs(direction.vector @ vector) == pytest.approx(1, abs=1e-5)
        assert direction.figures["eigenvalue"] == pytest.approx(size**2)
    assert sum(each.figures["share"] for each in found) == pytest.approx(1)


def test_the_first_changes_the_styles_more_than_any_other_move_of_that_length() -> None:
    first = sefa(WEIGHTS, 1, (0, 1), 2)[0].vector
    stacked = np.concatenate(WEIGHTS)
    others = DRAW.standard_normal((2000, 12))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert np.linalg.norm(stacked @ first) > np.linalg.norm(stacked @ others.T, axis=0).max()


def test_rows_of_length_one_forget_how_strong_a_channel_is() -> None:
    weights = [np.diag([9.0, 1.0, 1.0]), np.array([[0.0, 2.0, 0.0]])]
    assert sefa(weights, 1, (0,), 1)[0].vector.tolist() == [1, 0, 0]
    assert sefa(weights, 1, (0,), 1, unit_rows=True)[0].vector.tolist() == [0, 1, 0]


def test_the_same_weights_give_the_same_bytes() -> None:
    one, two = (sefa(WEIGHTS, 5, (0, 1), 2) for _ in range(2))
    assert [each.vector.tobytes() for each in one] == [each.vector.tobytes() for each in two]


def test_what_it_cannot_do_is_said() -> None:
    with pytest.raises(ConfigError, match="w has 12 dimensions"):
        sefa(WEIGHTS, 13, (0,), 2)
    with pytest.raises(ConfigError, match=r"no style layer reads rows \(9,\)"):
        sefa([], 1, (9,), 10)
