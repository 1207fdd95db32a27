"""Directions from words through style channels: which channels go a text's way, and one move of several rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import ConfigError, DataError
from higan_cam.manipulate.directions.words import channel_weights, cosine, projection, row_moves, shared_move

ASKED = np.array([3.0, 0.0])
CHANGES = np.array([[2.0, 0.0], [-1.0, 0.0], [0.01, 0.0], [0.0, 5.0], [1.0, 1.0], [0.0, 0.0]])


def test_what_goes_the_texts_way_counts_by_how_far_and_what_goes_across_does_not() -> None:
    np.testing.assert_allclose(projection(CHANGES, ASKED), [1, -0.5, 0.005, 0, 0.5, 0])


def test_by_cosine_a_small_change_counts_as_a_large_one_and_none_as_none() -> None:
    np.testing.assert_allclose(cosine(CHANGES, ASKED), [1, -1, 1, 0, 0.5**0.5, 0])


def test_channels_below_the_threshold_stay_and_the_most_relevant_moves_by_one() -> None:
    np.testing.assert_allclose(channel_weights(CHANGES, ASKED, 0.5), [1, -0.5, 0, 0, 0.5, 0])
    np.testing.assert_allclose(channel_weights(CHANGES, ASKED, 0.9, "cosine"), [1, -1, 1, 0, 0, 0])


@given(st.floats(0, 0.9), st.floats(0.1, 10))
def test_a_higher_threshold_moves_no_more_channels_and_no_scale_of_the_text_matters(low: float, scale: float) -> None:
    few, many = (np.count_nonzero(channel_weights(CHANGES, ASKED, each)) for each in (min(0.95, low + 0.1), low))
    assert few <= many
    np.testing.assert_allclose(channel_weights(CHANGES, scale * ASKED, low), channel_weights(CHANGES, ASKED, low))


def test_what_no_channel_answers_to_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no channel reaches 0\.9, the most relevant has 0\.707"):
        channel_weights(CHANGES[4:], ASKED, 0.9, "cosine")
    with pytest.raises(ConfigError, match="both texts mean the same"):
        channel_weights(CHANGES, 0 * ASKED, 0.1)
    with pytest.raises(ConfigError, match="Did you mean 'cosine'"):
        channel_weights(CHANGES, ASKED, 0.1, "cosin")


def test_each_row_moves_by_its_own_channels() -> None:
    steps = np.array([[1.0, 0.0], [0.0, 2.0], [4.0, 0.0]])
    found = row_moves(np.array([1.0, -1.0, 0.5]), steps, (0, 2, 2), 3)
    np.testing.assert_allclose(found, [[1, 0], [0, 0], [2, -2]])


def test_rows_that_want_the_same_are_moved_by_it_and_rows_that_differ_by_what_fits_best() -> None:
    styles = {0: np.eye(2), 1: np.array([[2.0, 0.0]])}
    move, kept = shared_move(np.array([[1.0, 3.0], [1.0, 0.0]]), styles)
    np.testing.assert_allclose(move, [1, 3])
    assert kept == pytest.approx(1)
    move, kept = shared_move(np.array([[0.0, 3.0], [1.0, 0.0]]), styles)
    np.testing.assert_allclose(move, [0.8, 3])  # row 0 wants 0, row 1, which weighs 4 times as much, wants 1
    assert kept == pytest.approx(1 - 0.8 / 13)


def test_a_move_that_changes_no_style_is_refused() -> None:
    with pytest.raises(DataError, match="change no style"):
        shared_move(np.array([[0.0, 1.0]]), {0: np.array([[1.0, 0.0]])})
