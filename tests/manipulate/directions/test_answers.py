"""What counts as a local answer, and which of several is best."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.errors import DataError
from higan_cam.manipulate.directions import answer_of, lesser_rank, share_inside


def test_a_change_in_one_place_is_wholly_local() -> None:
    changes = np.zeros((4, 20, 20), np.float32)
    changes[:, 3:7, 5:10] = 0.5  # 20 of 400 pixels: the region's 5%
    found = answer_of(changes)
    assert found.locality == pytest.approx(1)
    assert found.strength == pytest.approx(0.5 * 0.05)
    assert (found.map > 0).sum() == 20


def test_a_change_everywhere_has_the_regions_share() -> None:
    assert answer_of(np.full((2, 20, 20), 0.1, np.float32)).locality == pytest.approx(0.05)


def test_noise_is_not_local_although_each_sample_has_its_hottest_pixels() -> None:
    changes = np.random.default_rng(0).exponential(size=(6, 60, 60)).astype(np.float32)
    own = np.sort(changes[0].ravel())[-180:].sum() / changes[0].sum()
    assert own > 0.15  # what one sample would say of itself
    assert answer_of(changes).locality == pytest.approx(0.05, abs=0.01)


def test_nothing_that_changes_is_nothing_local() -> None:
    assert answer_of(np.zeros((2, 8, 8), np.float32)).locality == 0
    with pytest.raises(DataError, match="take at least 2"):
        answer_of(np.zeros((1, 8, 8), np.float32))


def test_the_lesser_rank_wants_both() -> None:
    strength = np.array([9.0, 0.1, 5.0, 4.0])
    locality = np.array([0.1, 0.9, 0.5, 0.6])
    assert lesser_rank(strength, locality).tolist() == [2, 3, 0, 1]
    assert lesser_rank(1000 * strength, locality).tolist() == [2, 3, 0, 1]
    assert lesser_rank(strength).tolist() == [0, 2, 3, 1]


def test_a_box_holds_the_pixels_whose_centres_it_holds() -> None:
    change = np.zeros((4, 8), np.float32)
    change[1, 2], change[3, 7] = 3, 1
    assert share_inside(change, (0.25, 0.25, 0.125, 0.25)) == pytest.approx(0.75)
    assert share_inside(change, (0, 0, 1, 1)) == 1
    assert share_inside(change, (0.5, 0, 0.25, 1)) == 0
    assert share_inside(np.zeros((4, 8)), (0, 0, 1, 1)) == 0
