"""Edits move the rows they should, by as much as they should, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import EditConfig
from higan_cam.errors import ConfigError
from higan_cam.manipulate.edit import edit_direction, move, plan_edit, push, sweep
from higan_cam.types import Boundary, Edit

ROWS, DIMENSION = 6, 5
BOUNDARY = Boundary(np.full(DIMENSION, DIMENSION**-0.5, np.float32), 0.0, "w", (2, 3), "light")
STRENGTH = (0.7, 0.7, 0.7, 1.0, 1.0, 1.0)
CODES = torch.randn(4, ROWS, DIMENSION, generator=torch.Generator().manual_seed(0))


@given(st.floats(-10, 10), st.sets(st.integers(0, ROWS - 1)))
def test_rows_outside_the_layers_stay_bit_for_bit(distance: float, layers: set[int]) -> None:
    edit = Edit(distance, tuple(layers), STRENGTH)
    change = move(CODES, BOUNDARY, edit) - CODES
    for row in range(ROWS):
        expected = distance * STRENGTH[row] if row in layers else 0.0
        along = change[:, row] @ torch.from_numpy(BOUNDARY.normal)
        torch.testing.assert_close(along, torch.full((4,), expected, dtype=torch.float32), atol=1e-5, rtol=1e-5)
        assert row in layers or not change[:, row].any()


def test_push_goes_equally_far_to_both_sides() -> None:
    edit = Edit(3.0, (2, 3), STRENGTH)
    negative, positive = push(CODES, BOUNDARY, edit)
    torch.testing.assert_close(positive, move(CODES, BOUNDARY, edit))
    torch.testing.assert_close((negative + positive) / 2, CODES)


def test_sweep_holds_every_distance_in_order() -> None:
    edit = Edit(99.0, (2, 3), STRENGTH)
    moved = sweep(CODES, BOUNDARY, edit, [-2.0, 0.0, 1.5])
    assert moved.shape == (4, 3, ROWS, DIMENSION)
    assert torch.equal(moved[:, 1], CODES)
    torch.testing.assert_close(moved[:, 2], move(CODES, BOUNDARY, Edit(1.5, (2, 3), STRENGTH)))
    assert sweep(CODES, BOUNDARY, edit, []).shape == (4, 0, ROWS, DIMENSION)


def test_a_tensor_of_normals_moves_each_row_its_own_way_and_keeps_the_gradient() -> None:
    normals = torch.eye(ROWS, DIMENSION).requires_grad_()
    moved = move(CODES.double(), normals, Edit(2.0, (1, 3), STRENGTH))
    assert moved.dtype == torch.float64
    expected = torch.zeros(ROWS, DIMENSION, dtype=torch.float64)
    expected[1, 1], expected[3, 3] = 1.4, 2.0
    torch.testing.assert_close((moved - CODES).detach(), expected.expand_as(moved), atol=1e-6, rtol=0)
    (gradient,) = torch.autograd.grad(moved.sum(), normals)
    assert gradient[3].eq(8).all()


def test_what_does_not_fit_the_codes_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not fit codes"):
        edit_direction(torch.ones(DIMENSION + 1), Edit(1.0, (2,), STRENGTH), CODES)
    with pytest.raises(ConfigError, match="one factor per w"):
        move(CODES, BOUNDARY, Edit(1.0, (2,), STRENGTH[1:]))
    with pytest.raises(ConfigError, match="rows 0-5"):
        push(CODES, BOUNDARY, Edit(1.0, (6,), STRENGTH))


def test_a_planned_edit_takes_the_boundarys_layers_unless_told() -> None:
    assert plan_edit(EditConfig(distance=2.0), BOUNDARY, STRENGTH) == Edit(2.0, (2, 3), STRENGTH)
    assert plan_edit(EditConfig(layers="0-1, 4"), BOUNDARY, STRENGTH).layers == (0, 1, 4)
    with pytest.raises(ConfigError, match="recommends"):
        plan_edit(EditConfig(), BOUNDARY, STRENGTH[:2])
