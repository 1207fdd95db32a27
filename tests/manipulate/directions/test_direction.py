"""A direction is a boundary without an offset: one sign, one file, and every place that takes a boundary takes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from higan_cam.config import EditConfig
from higan_cam.errors import DataError
from higan_cam.manipulate import condition, edit_direction, load_boundary, plan_edit, save_boundary
from higan_cam.manipulate.directions import Direction, oriented
from higan_cam.manipulate.directions.direction import named
from higan_cam.types import Boundary


def test_a_sign_does_not_depend_on_the_one_that_came_in() -> None:
    vector = np.random.default_rng(0).standard_normal(9)
    assert oriented(vector).tobytes() == oriented(-3 * vector).tobytes()
    assert np.linalg.norm(oriented(vector)) == pytest.approx(1, abs=1e-6)


def test_equal_entries_leave_the_sign_to_the_first_whatever_rounding_says() -> None:
    for nudge in (-1e-9, 1e-9):
        assert oriented(np.array([0.0, -1 + nudge, 1.0]))[1] > 0


@pytest.mark.parametrize("vector", [np.zeros(3), np.array([1.0, np.nan, 0.0])])
def test_a_vector_that_points_nowhere_is_refused(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    with pytest.raises(DataError, match="points nowhere"):
        oriented(vector)


def test_rows_are_named_where_they_are_not_all() -> None:
    assert named("sefa", 3, (0, 1, 2), 3) == "sefa_03"
    assert named("sefa", 3, (0, 1, 4), 9) == "sefa_0-1_4_03"


def test_its_file_goes_where_a_boundary_goes(tmp_path: Path) -> None:
    direction = Direction(oriented(np.eye(4)[1]), (0, 2), "sefa_0_2_00", "sefa", {"share": 0.5})
    file, _ = save_boundary(direction.boundary, tmp_path)
    read = load_boundary(file)
    assert (read.offset, read.layers, read.metrics["method"], read.metrics["share"]) == (0.0, (0, 2), "sefa", 0.5)
    moved = edit_direction(read, plan_edit(EditConfig(), read, (1.0, 1.0, 0.5)), torch.zeros(1, 3, 4))
    assert moved.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0.5, 0, 0]]
    lighting = Boundary(oriented(np.array([1.0, 1.0, 0.0, 0.0])), 0.5, "w", (0,), "lighting")
    assert condition(lighting, [read]).normal == pytest.approx([1, 0, 0, 0], abs=1e-6)


def test_a_file_without_an_offset_has_the_offset_0(tmp_path: Path) -> None:
    boundary = Boundary(oriented(np.eye(4)[1]), 7.0, "w", (0,), "mine")
    file, beside = save_boundary(boundary, tmp_path)
    beside.unlink()
    header = {"boundary": '{"attribute": "mine", "layers": "0", "space": "w"}'}
    save_file({"normal": load_file(file)["normal"]}, file, header)
    assert load_boundary(file).offset == 0.0
