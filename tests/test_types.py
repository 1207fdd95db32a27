"""The nouns that compute something."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.types import Boundary, WorkUnit

BOUNDARY = Boundary(np.array([0.6, 0.8], np.float32), -0.5, "w", (6, 7), "indoor_lighting")


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_distance_is_signed_and_in_code_units(along: float, across: float) -> None:
    foot = 0.5 * BOUNDARY.normal
    code = foot + along * BOUNDARY.normal + across * np.array([-0.8, 0.6])
    assert BOUNDARY.distance(code[None])[0] == pytest.approx(along, abs=1e-5)


def test_indices_of_a_unit_are_half_open() -> None:
    assert list(WorkUnit(shard=2, start=6, stop=9).indices) == [6, 7, 8]


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        BOUNDARY.offset = 1.0  # type: ignore[misc]
