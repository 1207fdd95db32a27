"""Style mixing and interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.manipulate.mixing import combined_direction, interpolate, mix_styles, rows_at
from higan_cam.types import Boundary, Edit


def test_mixing_takes_the_named_rows_from_the_style() -> None:
    styles, contents = torch.full((2, 3, 4), 1.0), torch.zeros(5, 3, 4)
    mixed = mix_styles(styles, contents, [0, 2])
    assert mixed.shape == (2, 5, 3, 4)
    assert mixed[:, :, [0, 2]].eq(1).all()
    assert mixed[:, :, 1].eq(0).all()
    assert mix_styles(styles, contents, []).eq(0).all()


def test_interpolation_starts_at_the_source_and_ends_at_the_target() -> None:
    source, target = torch.zeros(2, 3), torch.ones(2, 3)
    line = interpolate(source, target, 5)
    assert line[0, :, 0].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert torch.equal(interpolate(source, target, 1)[:, 0], source)


def test_codes_that_do_not_match_are_refused() -> None:
    with pytest.raises(ConfigError, match="one shape"):
        mix_styles(torch.zeros(1, 3, 4), torch.zeros(1, 2, 4), [0])
    with pytest.raises(ConfigError, match="rows 0-2"):
        mix_styles(torch.zeros(1, 3, 4), torch.zeros(1, 3, 4), [3])
    with pytest.raises(ConfigError, match="steps >= 1"):
        interpolate(torch.zeros(1, 3), torch.zeros(1, 3), 0)


def test_boundaries_add_up_by_weight_each_on_its_own_rows() -> None:
    first, second = (
        Boundary(np.eye(2, dtype=np.float32)[axis], 0.0, "w", rows, f"b{axis}")
        for axis, rows in enumerate([(0, 1), (1, 2)])
    )
    edits = [Edit(3.0, each.layers, (0.5, 1.0, 1.0)) for each in (first, second)]
    parts = [(first, edits[0], 1.0), (second, edits[1], -2.0)]
    direction = combined_direction(parts, torch.zeros(3, 2))
    assert direction.tolist() == [[0.5, 0], [1, -2], [0, -2]]


def test_an_edit_without_a_boundary_is_refused() -> None:
    with pytest.raises(ConfigError, match="one boundary or more"):
        combined_direction([], torch.zeros(3, 2))


def test_rows_are_chosen_by_the_resolution_they_draw_at() -> None:
    assert rows_at(8, 16, (4, 4, 8, 8, 16, 16), 7) == (2, 3, 4, 5, 6)  # the last row colours what layer 5 drew
    assert rows_at(4, 4, (4, 4, 8, 8, 16, 16), 6) == (0, 1)
    with pytest.raises(ConfigError, match=r"no row of w\+ draws at 5 to 7 px; the generator has \[4, 8\] px"):
        rows_at(5, 7, (4, 4, 8), 3)
