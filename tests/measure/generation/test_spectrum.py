"""A grid over the samples is strange; pictures of the kind, and lighter ones, are not."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.measure.generation.spectrum import Spectrum, usual_spectrum
from higan_cam.types import FloatArray


def textures(count: int, seed: int) -> FloatArray:
    """(count,3,16,16): white noise, smoothed by a factor of its own each."""
    draw = np.random.default_rng(seed)
    noise = np.fft.rfft2(draw.normal(0, 0.3, (count, 3, 16, 16)))
    rows, columns = np.meshgrid(np.fft.fftfreq(16), np.fft.rfftfreq(16), indexing="ij")
    falling = np.exp(-draw.uniform(2, 6, (count, 1, 1, 1)) * np.hypot(rows, columns))
    found: FloatArray = np.fft.irfft2(noise * falling, s=(16, 16))
    return found


@pytest.fixture(scope="module")
def usual() -> Spectrum:
    return usual_spectrum(textures(500, 1), textures(500, 2))


def test_pictures_of_the_kind_are_usual_in_nearly_all_cases(usual: Spectrum) -> None:
    assert usual.strange(textures(500, 3)).mean() == pytest.approx(0.01, abs=0.02)
    assert usual.strange(textures(500, 4) * 0.5 + 0.3).mean() <= 0.02


def test_a_grid_is_strange(usual: Spectrum) -> None:
    tile = np.random.default_rng(0).normal(0, 0.3, (3, 4, 4))
    assert usual.strange(textures(100, 3) + np.tile(tile, (1, 4, 4))).mean() > 0.9
