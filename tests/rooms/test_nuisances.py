"""A camera moves, darkens and spoils a picture by known amounts."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.rooms.nuisances import (
    PHOTO,
    STILL,
    Bounds,
    Nuisances,
    affine_of,
    develop,
    draw_nuisances,
    falloff,
    move,
    move_masks,
    through_jpeg,
)

PLAIN = Nuisances(1.0, (0.0, 0.0), 1.0, 1.0, np.ones(3, np.float32), 0.0, 0.0, 100)


def source(seed: int) -> np.random.Generator:
    """Random numbers."""
    return np.random.default_rng(seed)


def grey(level: float) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """(32,32,3) of one display value."""
    return np.full((32, 32, 3), level, np.float32)


def test_a_shift_moves_what_is_in_the_picture_by_as_many_pixels() -> None:
    picture = source(0).random((64, 64), np.float32)
    moved = move(picture, affine_of(Nuisances(**{**vars(PLAIN), "shift": (3 / 64, -2 / 64)}), 64))
    np.testing.assert_allclose(moved[:-2, 3:], picture[2:, :-3], atol=1e-6)


def test_zoom_keeps_the_middle_and_moves_the_rest_outwards() -> None:
    affine = affine_of(Nuisances(**{**vars(PLAIN), "zoom": 1.04}), 64)
    np.testing.assert_allclose(affine @ [31.5, 31.5, 1], [31.5, 31.5])
    np.testing.assert_allclose(affine @ [63.5, 31.5, 1], [31.5 + 1.04 * 32, 31.5])


def test_masks_move_with_pictures() -> None:
    masks = np.zeros((2, 64, 64), bool)
    masks[1, 20:30, 40:50] = True
    moved = move_masks(masks, affine_of(Nuisances(**{**vars(PLAIN), "shift": (4 / 64, 0.0)}), 64))
    expected = np.zeros_like(masks)
    expected[1, 20:30, 44:54] = True
    np.testing.assert_array_equal(moved, expected)


def test_a_plain_camera_changes_nothing_but_what_jpeg_does() -> None:
    picture = move(grey(0.6), STILL)
    developed = develop(picture, PLAIN, source(1))
    assert np.abs(developed.astype(int) - 153).max() <= 1


@pytest.mark.parametrize("by", [0.9, 1.1])
def test_exposure_scales_linear_light(by: float) -> None:
    developed = develop(grey(0.5), Nuisances(**{**vars(PLAIN), "exposure": by}), source(1))
    np.testing.assert_allclose(developed / 255, np.sqrt(0.25 * by), atol=0.006)


def test_gamma_is_a_power_of_the_display_value() -> None:
    developed = develop(grey(0.5), Nuisances(**{**vars(PLAIN), "gamma": 1.1}), source(1))
    np.testing.assert_allclose(developed / 255, 0.5**1.1, atol=0.006)


def test_a_vignette_darkens_corners_and_leaves_the_middle() -> None:
    left = falloff(128, 0.25)
    assert left[63:65, 63:65].min() > 0.999
    assert left[0, 0] == pytest.approx(0.75, abs=0.01)
    assert (np.diff(left[64, 64:]) < 0).all()


def test_noise_has_its_deviation() -> None:
    deviation = PHOTO.noise[1]
    developed = develop(grey(0.5), Nuisances(**{**vars(PLAIN), "noise": deviation}), source(2))
    # A JPEG of quality 100 halves the resolution of colour, not of luminance.
    luminance = (developed / 255) @ [0.299, 0.587, 0.114]
    expected = deviation * np.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    assert np.std(luminance) == pytest.approx(expected, rel=0.2)


def test_a_worse_jpeg_is_further_from_the_picture() -> None:
    picture = source(3).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    errors = [np.abs(through_jpeg(picture, quality).astype(int) - picture).mean() for quality in (95, 80, 60)]
    assert errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("bounds", [PHOTO, Bounds(shift=0.2, zoom=(0.8, 0.9), tone=0.3, quality=(20, 30))])
def test_draws_stay_within_their_bounds(bounds: Bounds) -> None:
    for seed in range(50):
        drawn = draw_nuisances(source(seed), bounds)
        assert bounds.zoom[0] <= drawn.zoom <= bounds.zoom[1]
        assert max(map(abs, drawn.shift)) <= bounds.shift
        assert max(abs(drawn.exposure - 1), abs(drawn.gamma - 1)) <= bounds.tone
        assert bounds.quality[0] <= drawn.quality <= bounds.quality[1]
