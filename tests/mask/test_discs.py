"""What discs cover and count, against every offset looked at; and that the work does not grow with the radius."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.mask import discs
from higan_cam.mask.clustering import grid_dbscan
from higan_cam.mask.discs import Disc, disc_counts, in_reach, lowest_in_reach
from higan_cam.types import BoolArray, IntArray

RADII = st.one_of(st.floats(0.3, 60), st.sampled_from([1.0, 5.0, 5.99, 6.0, 24.0, 25.0, 1e6, 1e300]))


def pairs_in_reach(shape: tuple[int, int], eps: float) -> BoolArray:
    """(P,P) for all pixels of a picture in row-major order."""
    places = np.argwhere(np.ones(shape, np.bool_)).astype(np.float64)
    near: BoolArray = np.square(places[:, None] - places[None]).sum(axis=2) <= eps * eps
    return near


@settings(max_examples=150)
@given(st.integers(0, 2**32), RADII, st.tuples(st.integers(1, 18), st.integers(1, 18)))
def test_discs_count_and_reach_what_every_pair_of_pixels_says(seed: int, eps: float, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, 4, shape).astype(np.int32) * (rng.random(shape) < 0.2)
    _, inverse = np.unique(np.append(drawn, 0), return_inverse=True)  # every number up to the largest occurs
    numbers = inverse[:-1].reshape(shape).astype(np.int32)
    near, disc = pairs_in_reach(shape, eps), Disc.of(eps, max(shape))
    members = numbers > 0
    np.testing.assert_array_equal(disc_counts(members, disc).ravel(), near @ members.ravel().astype(int))
    np.testing.assert_array_equal(in_reach(members, disc.half_widths()).ravel(), (near & members.ravel()).any(axis=1))
    lowest = np.where(near & members.ravel(), numbers.ravel(), 99).min(axis=1)
    np.testing.assert_array_equal(lowest_in_reach(numbers, disc).ravel(), np.where(lowest == 99, 0, lowest))


@pytest.mark.parametrize("side", [96, 192])
def test_pixels_looked_at_do_not_grow_with_the_radius(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels of all windows and transforms of one clustering, as a multiple of the map's."""
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    points = np.asarray(cv2.GaussianBlur(noise, (0, 0), 4)) > 0.02
    looked: list[int] = []
    whole, transform = discs.in_reach, np.fft.rfft2

    def counted(members: BoolArray, half_widths: IntArray) -> BoolArray:
        looked.append(members.size)
        return whole(members, half_widths)

    def counted_transform(*arguments: object) -> object:
        found = transform(*arguments)  # type: ignore[arg-type]
        looked.append(found.size)
        return found

    monkeypatch.setattr(discs, "in_reach", counted)
    monkeypatch.setattr(np.fft, "rfft2", counted_transform)
    shares = []
    for eps in (25, 40, 80, 160, 320, 5000):
        looked.clear()
        grid_dbscan(points, eps, 40)
        shares.append(sum(looked) / side**2)
    assert 0 < max(shares) < 60
    assert shares[-1] == shares[-2] <= shares[0]
