"""What the two networks' answers do to a picture."""

from __future__ import annotations

import pytest
import torch

from higan_cam.relight.translator.curves import CURVES
from higan_cam.train.translator.unpaired.state import brightened, darkened


@pytest.mark.parametrize("response", sorted(CURVES))
def test_the_filter_that_undoes_a_light_brings_the_picture_back(response: str) -> None:
    curve, draw = CURVES[response], torch.Generator().manual_seed(0)
    shown = 0.05 + 0.5 * torch.rand(2, 3, 4, 4, generator=draw)
    light = 0.3 * torch.rand(2, 3, 4, 4, generator=draw)
    lit = brightened(shown, light, curve)
    assert bool((lit > shown).all())
    there = curve.light(shown)
    torch.testing.assert_close(darkened(lit, torch.log1p(light / there), curve), shown, atol=1e-4, rtol=0)


def test_no_filter_takes_more_than_there_is() -> None:
    shown = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    dark = darkened(shown, torch.full_like(shown, 50.0), CURVES["srgb"])
    assert bool((dark >= 0).all() and (dark < 1e-3).all())
    torch.testing.assert_close(darkened(shown, torch.zeros_like(shown), CURVES["srgb"]), shown, atol=1e-5, rtol=0)
