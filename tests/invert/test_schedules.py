"""Learning rates against published optimisers (shared/reference2, section 4), and what ours promises."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import ConfigError
from higan_cam.invert.schedules import SCHEDULES, code_noise, projector_spread, ramp, schedule, warm_cosine
from higan_cam.types import FloatArray
from tests.support.reference2 import draw

RECORDED = {
    "projector": "lr_projector",
    "styleclip": "lr_styleclip_upstream",
    "styleclip_notebook": "lr_styleclip_notebook",
    "higan_dev": "lr_higan_dev",
    "encoder_notebook": "lr_encoder_notebook",
}


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    if not (shared / "reference2").is_dir():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    return shared / "reference2"


def array(folder: Path, name: str) -> FloatArray:
    with np.load(folder / "losses.npz", allow_pickle=False) as stored:
        values: FloatArray = stored[name]
    return values


@pytest.mark.parametrize("name", RECORDED)
def test_rates_of_published_optimisers(folder: Path, name: str) -> None:
    expected, made = array(folder, RECORDED[name]), schedule(name)
    assert len(expected) == made.steps
    np.testing.assert_allclose([made.rate(step) for step in range(made.steps)], expected, atol=1e-12, rtol=0)


def test_noise_of_the_projector(folder: Path) -> None:
    expected = array(folder, "projector_latent_noise_strength")
    found = [code_noise(step, len(expected), 3.25) for step in range(len(expected))]
    np.testing.assert_allclose(found, expected, atol=1e-12, rtol=0)


def test_spread_of_codes_as_the_projector_has_it(folder: Path) -> None:
    record = json.loads((folder / "losses.json").read_text())["projector_w"]
    w = 1.3 * draw(record["key"], record["shape"]) + torch.from_numpy(array(folder, "projector_w_mean"))
    assert projector_spread(w) == pytest.approx(record["latent_std"], rel=1e-5)
    assert projector_spread(w) / math.sqrt(64) == pytest.approx(record["rms_per_dimension"], rel=1e-3)


@given(st.integers(1, 400))
def test_ours_wastes_no_step_and_ends_low(steps: int) -> None:
    shares = [warm_cosine(step, steps) for step in range(steps)]
    assert min(shares) > 0
    assert max(shares) <= 1
    assert steps < 20 or shares[-1] < 0.01


def test_published_ramps_waste_their_first_step_and_one_of_them_its_last() -> None:
    assert schedule("projector").rate(0) == schedule("higan_dev").rate(0) == 0
    assert schedule("higan_dev").rate(1499) == pytest.approx(0)
    assert schedule("projector").rate(999) > 0


@given(st.floats(0, 1))
def test_a_ramp_is_a_share(t: float) -> None:
    assert -1e-12 <= ramp(t) <= 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_fits_other_numbers_of_steps_and_peaks(name: str) -> None:
    rates = [schedule(name).rate(step, 8, 2.0) for step in range(8)]
    assert max(rates) <= 2
    assert schedule(name).rate(3, 8, 4.0) == 2 * rates[3]


def test_unknown_schedules_and_steps_beyond_the_end_are_errors() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'projector'"):
        schedule("projektor")
    with pytest.raises(ConfigError, match="step 300 of 300; expected 0 to 299"):
        schedule("styleclip").rate(300)
