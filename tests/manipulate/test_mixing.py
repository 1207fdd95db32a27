"""Style mixing and interpolation."""

from __future__ import annotations

import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.manipulate.mixing import interpolate, mix_styles


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
