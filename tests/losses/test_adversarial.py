"""Adversarial losses against closed forms, and penalties against gradients that are known or taken by differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from higan_cam.losses.adversarial import GAMES, gradient_penalty, path_lengths

REAL, FAKE = torch.tensor([1.5, -0.5], dtype=torch.float64), torch.tensor([0.25, -2.0], dtype=torch.float64)


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


def test_the_non_saturating_game_is_the_logistic_one() -> None:
    game = GAMES["non_saturating"]
    lost = -sum(log_sigmoid(x) for x in REAL.tolist()) / 2 - sum(log_sigmoid(-x) for x in FAKE.tolist()) / 2
    assert float(game.discriminator(REAL, FAKE)) == pytest.approx(lost)
    assert float(game.generator(REAL, FAKE)) == pytest.approx(-sum(log_sigmoid(x) for x in FAKE.tolist()) / 2)


def test_the_relativistic_game_compares_in_pairs_and_a_shift_of_all_logits_changes_nothing() -> None:
    game = GAMES["relativistic"]
    lost = -sum(log_sigmoid(r - f) for r, f in zip(REAL.tolist(), FAKE.tolist(), strict=True)) / 2
    assert float(game.discriminator(REAL, FAKE)) == pytest.approx(lost)
    assert float(game.discriminator(REAL + 3, FAKE + 3)) == pytest.approx(lost)
    assert float(game.generator(REAL, FAKE)) == pytest.approx(float(game.discriminator(FAKE, REAL)))


def test_the_penalty_of_a_linear_discriminator_is_its_squared_weight_wherever_it_looks() -> None:
    weight = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    found = gradient_penalty(lambda seen: (seen * weight).sum(dim=(1, 2, 3)), images)
    torch.testing.assert_close(found, weight.square().sum())


def test_the_penalty_teaches_the_discriminator_as_differences_say() -> None:
    images = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(2))

    def penalty(scale: Tensor) -> Tensor:
        return gradient_penalty(lambda seen: (seen * scale).tanh().sum(dim=(1, 2, 3)), images)

    scale = torch.tensor(0.7, requires_grad=True)
    (gradient,) = torch.autograd.grad(penalty(scale), scale)
    step = 1e-2
    differences = (penalty(torch.tensor(0.7 + step)) - penalty(torch.tensor(0.7 - step))) / (2 * step)
    torch.testing.assert_close(gradient, differences.detach(), rtol=1e-3, atol=1e-4)


def test_path_lengths_of_a_linear_picture_are_those_of_its_transpose() -> None:
    draw = torch.Generator().manual_seed(3)
    matrix = torch.randn(2 * 6, 3 * 16, generator=draw, dtype=torch.float64)
    w_plus = torch.randn(4, 2, 6, generator=draw, dtype=torch.float64, requires_grad=True)
    images = (w_plus.flatten(1) @ matrix).view(4, 3, 4, 4)
    noise = torch.randn(4, 3, 4, 4, generator=draw, dtype=torch.float64)
    moved = noise.flatten(1) / 4 @ matrix.T  # J^T y, y over the root of the number of pixels
    expected = moved.view(4, 2, 6).square().sum(2).mean(1).sqrt()
    torch.testing.assert_close(path_lengths(images, w_plus, noise), expected)


def test_the_least_squares_game_wants_one_for_reals_and_nought_for_samples() -> None:
    game = GAMES["least_squares"]
    assert float(game.discriminator(torch.ones(2), torch.zeros(2))) == 0
    assert float(game.generator(REAL, torch.ones(2))) == 0
    assert float(game.discriminator(REAL, FAKE)) == pytest.approx((0.5**2 + 1.5**2 + 0.25**2 + 2**2) / 4)
    assert float(game.generator(REAL, FAKE)) == pytest.approx((0.75**2 + 3**2) / 2)
