"""Colour temperature: against Planck's law seen by the CIE 1931 observer, which the package does not use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.losses.light import REC_709
from higan_cam.relight import planck_rgb, temperature_of, tint

KELVINS = st.floats(1700, 24000)


def observed(kelvin: float) -> tuple[float, float]:
    """(x, y) of Planck's law through Wyman, Sloan and Shirley's fit of the observer (JCGT 2(2), 2013)."""
    wave = np.arange(360.0, 831.0)

    def lobe(peak: float, below: float, above: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.exp(-0.5 * ((wave - peak) * np.where(wave < peak, below, above)) ** 2)

    x = 0.362 * lobe(442.0, 0.0624, 0.0374) + 1.056 * lobe(599.8, 0.0264, 0.0323) - 0.065 * lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437.0, 0.0845, 0.0278) + 0.681 * lobe(459.0, 0.0385, 0.0725)
    power = wave**-5 / np.expm1(1.4387769e7 / (wave * kelvin))
    totals = [float((power * curve).sum()) for curve in (x, y, z)]
    return totals[0] / sum(totals), totals[1] / sum(totals)


@pytest.mark.parametrize("kelvin", [1800, 2200, 2700, 3000, 4000, 5000, 6500, 10000])
def test_the_locus_is_plancks_law_to_a_few_thousandths(kelvin: float) -> None:
    rgb = planck_rgb(kelvin)
    if not rgb.all():
        return  # cut off: outside of what sRGB can show
    xyz = (
        np.linalg.inv(
            np.array(
                [
                    [3.2404542, -1.5371385, -0.4985314],
                    [-0.969266, 1.8760108, 0.041556],
                    [0.0556434, -0.2040259, 1.0572252],
                ]
            )
        )
        @ rgb
    )
    np.testing.assert_allclose(xyz[:2] / xyz.sum(), observed(kelvin), atol=0.0035)


def test_daylight_is_nearly_white_and_a_bulb_is_not() -> None:
    np.testing.assert_allclose(planck_rgb(2700) / planck_rgb(2700).max(), [1, 0.417, 0.100], atol=0.001)
    np.testing.assert_allclose(planck_rgb(4000) / planck_rgb(4000).max(), [1, 0.653, 0.377], atol=0.001)
    assert np.ptp(planck_rgb(6504)) < 0.1  # a black body's white is greener than daylight's


@given(KELVINS)
def test_luminance_is_one_at_every_temperature(kelvin: float) -> None:
    assert planck_rgb(kelvin) @ np.array(REC_709) == pytest.approx(1)


@given(KELVINS)
def test_a_temperature_is_found_again_from_its_colour(kelvin: float) -> None:
    assert 1e6 / temperature_of(3 * planck_rgb(kelvin)) == pytest.approx(1e6 / kelvin, abs=0.6)


@given(st.floats(2000, 24000))
def test_its_own_temperature_leaves_a_light_as_it_is(kelvin: float) -> None:
    np.testing.assert_array_equal(tint(kelvin, kelvin), np.ones(3))


@given(st.floats(2000, 12000), st.floats(2000, 12000))
def test_lower_is_redder(first: float, second: float) -> None:
    if abs(1e6 / first - 1e6 / second) > 1:
        warm, cool = sorted((first, second))
        assert planck_rgb(warm)[0] / planck_rgb(warm)[2] > planck_rgb(cool)[0] / planck_rgb(cool)[2]


@pytest.mark.parametrize("kelvin", [0, 1666, 25001, -1, float("nan"), float("inf")])
def test_temperatures_off_the_locus_are_refused(kelvin: float) -> None:
    with pytest.raises(ValueError, match="1667-25000 K"):
        planck_rgb(kelvin)


def test_a_lamp_without_blue_cannot_be_made_cooler() -> None:
    with pytest.raises(ValueError, match="at least 2000 K"):
        tint(4000, 1999)
