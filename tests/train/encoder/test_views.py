"""A view is what the rooms' camera would take, known number by number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.generate import to_uint8
from higan_cam.invert.camera import AT_REST, CAMERA, straightened
from higan_cam.rooms.nuisances import affine_of, develop, move
from higan_cam.train.encoder.views import DRAWS, nuisances_of, view_draws, views_of
from higan_cam.types import ByteArray


def smooth(count: int, side: int = 32) -> ByteArray:
    """(count,side,side,3) pictures without edges."""
    at = np.linspace(0, 2 * np.pi, side)
    waves = [np.sin(at[:, None] + n) * np.cos(at + 2 * n)[None] for n in range(3 * count)]
    pictures = np.stack(waves).reshape(count, 3, side, side).transpose(0, 2, 3, 1)
    return (128 + 100 * pictures).astype(np.uint8)


def test_views_depend_on_seed_step_and_row_alone() -> None:
    pictures, draws = smooth(8), view_draws(3, 5, 8)
    whole, half = views_of(pictures, draws, 0.25), views_of(pictures[4:], draws[4:], 0.25)
    assert whole.pictures[4:].equal(half.pictures)
    assert whole.cameras[4:].equal(half.cameras)
    assert not np.array_equal(view_draws(3, 6, 8), draws)
    assert not np.array_equal(view_draws(4, 5, 8), draws)


@given(st.integers(0, 10_000))
def test_a_view_is_what_the_rooms_camera_takes_but_for_its_noise(step: int) -> None:
    picture, draws = smooth(1), view_draws(0, step, 1)
    draws[0, 10], draws[0, 13] = 0.0, 1.0  # no noise, no JPEG
    taken = nuisances_of(draws[0, 1:12])
    view = to_uint8(views_of(picture, draws, 0.0).pictures)[0]
    moved = move(picture[0].astype(np.float32) / 255, affine_of(taken, 32))
    quiet = type(taken)(**{**vars(taken), "noise": 0.0, "quality": 100})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("higan_cam.rooms.nuisances.through_jpeg", lambda levels, _: levels)
        expected = develop(moved, quiet, np.random.default_rng(0))
    assert np.abs(view.astype(int) - expected).max() <= 2  # tones come before the move


def test_columns_say_how_a_view_was_taken() -> None:
    draws = view_draws(0, 0, 6)
    views = views_of(smooth(6), draws, 0.0)
    for row, own in zip(views.cameras.numpy(), draws, strict=True):
        taken, told = nuisances_of(own[1:12]), dict(zip(CAMERA, row, strict=True))
        assert (told["dx"], told["dy"]) == pytest.approx(taken.shift)
        assert np.exp(told["log_zoom"]) == pytest.approx(taken.zoom)
        gains = np.exp(told["log_exposure"]) * np.array([told["wb_r"], 1, told["wb_b"]])
        np.testing.assert_allclose(gains, taken.exposure * taken.balance, rtol=1e-5)
        assert told["gamma"] == pytest.approx(taken.gamma)


def test_straightened_by_its_own_camera_a_view_shows_things_where_the_picture_has_them() -> None:
    pictures, draws = smooth(6), view_draws(0, 1, 6)
    draws[:, 4:6], draws[:, 6:9], draws[:, 9:11], draws[:, 13] = 0.5, 0.5, 0.0, 1.0  # moved, and nothing else
    views = views_of(pictures, draws, 0.0)
    straight = to_uint8(straightened(views.pictures, views.cameras)).astype(int)
    inside = slice(4, -4)  # beyond the view's border nothing is known
    assert np.abs(straight - pictures)[:, inside, inside].max() <= 4
    assert np.abs(to_uint8(views.pictures).astype(int) - pictures)[:, inside, inside].max() > 10


def test_a_share_of_the_views_is_the_picture_itself() -> None:
    pictures = np.repeat(smooth(1, 16), 400, axis=0)
    views = views_of(pictures, view_draws(0, 0, 400), 0.25)
    same = np.array([np.array_equal(view, pictures[0]) for view in to_uint8(views.pictures)])
    assert same.mean() == pytest.approx(0.25, abs=0.08)
    np.testing.assert_allclose(views.cameras[same], np.tile(AT_REST, (same.sum(), 1)))


def test_noise_has_its_deviation_at_any_size() -> None:
    draws = np.full((1, DRAWS), 0.5)
    draws[0, 10], draws[0, 9], draws[0, 13] = 1.0, 0.0, 1.0  # most noise, no vignette, no JPEG
    for side in (32, 640):
        view = views_of(np.full((1, side, side, 3), 128, np.uint8), draws, 0.0).pictures
        assert float(view.std()) * 127.5 == pytest.approx(6, rel=0.1)
