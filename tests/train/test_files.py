"""The files that ship."""

from __future__ import annotations

import pytest
import torch

from higan_cam.train.files import halved, json_text


def test_only_floating_point_tensors_are_halved() -> None:
    small = halved({"weight": torch.tensor([0.5, 3.0]), "count": torch.tensor(70_000)})
    assert (small["weight"].dtype, small["count"].dtype) == (torch.float16, torch.int64)
    assert small["weight"].tolist() == [0.5, 3.0]
    assert int(small["count"]) == 70_000


def test_figures_are_sorted_lines_and_a_number_that_is_none_is_refused() -> None:
    assert json_text({"psnr": 31.5, "mae": 0.25}) == '{\n  "mae": 0.25,\n  "psnr": 31.5\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"psnr": float("nan")})
