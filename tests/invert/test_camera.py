"""A camera that moves, zooms and develops, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.invert.camera import AT_REST, CAMERA, TYPICAL, at_rest, photographed, placed, reach, straightened, unrest

SIDE = 32


def camera(**numbers: float) -> Tensor:
    return torch.tensor([[numbers.get(name, rest) for name, rest in zip(CAMERA, AT_REST, strict=True)]])


def blob(x: int = 10, y: int = 20) -> Tensor:
    at = torch.arange(SIDE, dtype=torch.float32)
    peak = torch.exp(-((at - x) ** 2) / 18)[None, :] * torch.exp(-((at - y) ** 2) / 18)[:, None]
    return (peak * 1.6 - 0.8).expand(1, 3, SIDE, SIDE).clone()


def middle(maps: Tensor) -> tuple[float, float]:
    """(x, y) of the brightest pixel of the first channel."""
    y, x = divmod(int(maps[0, 0].argmax()), SIDE)
    return x, y


def test_a_camera_at_rest_changes_nothing() -> None:
    image = blob()
    torch.testing.assert_close(photographed(image, at_rest(1, image)), image, atol=1e-5, rtol=1e-5)
    assert reach(at_rest(1, image), SIDE).min() == 1
    assert unrest(at_rest(1, image)) == 0


def test_shifts_go_right_and_down_in_shares_of_the_side() -> None:
    assert middle(placed(blob(10, 20), camera(dx=4 / SIDE, dy=-6 / SIDE))) == (14, 14)


def test_zoom_enlarges_about_the_middle() -> None:
    x, y = middle(placed(blob(20, 20), camera(log_zoom=float(np.log(2.0)))))
    assert (x, y) == (24, 24)  # 15.5 + 2 x 4.5 = 24.5


def test_what_is_placed_can_be_straightened() -> None:
    image, moved = blob(14, 17), camera(dx=0.05, dy=-0.04, log_zoom=0.1)
    back = straightened(placed(image, moved), moved)
    torch.testing.assert_close(back[..., 5:-5, 5:-5], image[..., 5:-5, 5:-5], atol=0.07, rtol=0)


def test_what_the_photo_looks_past_is_said() -> None:
    seen = reach(camera(dx=3 / SIDE), SIDE)[0, 0]
    assert torch.equal(seen[:, :3], torch.zeros(SIDE, 3))
    assert seen[:, 3:].min() == 1


def test_exposure_and_balance_are_factors_on_squared_display_values() -> None:
    grey = torch.zeros(1, 3, SIDE, SIDE)  # 0.5 in [0,1]
    shown = photographed(grey, camera(log_exposure=float(np.log(1.44)), wb_r=0.25))
    np.testing.assert_allclose((shown[0, :, 3, 3] + 1) / 2, [0.5 * 1.2 * 0.5, 0.5 * 1.2, 0.5 * 1.2], rtol=1e-5)


def test_gamma_is_a_power_after_everything_else() -> None:
    grey = torch.zeros(1, 3, SIDE, SIDE)
    shown = photographed(grey, camera(log_exposure=float(np.log(1.44)), gamma=2.0))
    np.testing.assert_allclose((shown[0, :, 3, 3] + 1) / 2, [0.36] * 3, rtol=1e-5)


def test_a_vignette_darkens_corners_and_leaves_the_middle() -> None:
    shown = (photographed(torch.zeros(1, 3, 64, 64), camera(vignette=0.36)) + 1)[0, 0] / 2
    assert shown[31, 31] == pytest.approx(0.5, abs=1e-3)
    assert shown[0, 0] == pytest.approx(0.5 * 0.8, abs=5e-3)


def test_typical_cameras_are_one_unit_from_rest() -> None:
    away = torch.tensor([AT_REST]) + torch.tensor([TYPICAL])
    assert unrest(away) == pytest.approx(1)


def test_every_number_of_the_camera_has_a_gradient() -> None:
    numbers = (torch.tensor([AT_REST]) + 0.3 * torch.tensor([TYPICAL])).requires_grad_()
    image = blob()
    (gradient,) = torch.autograd.grad((photographed(image, numbers) - image).square().mean(), numbers)
    assert bool((gradient.abs() > 0).all())
