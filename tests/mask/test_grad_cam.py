"""CAMs of the scorer at the generator's layers."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.mask.grad_cam import GradCam, grad_cam_map, hires_cam_map, layer_cam_map, tapped_gradients
from tests.support.scorers import EDITED, Pair, SmoothScore

TAPS = (2, 3, 4)


def features_and_gradients() -> tuple[torch.Tensor, torch.Tensor]:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    gradients = torch.tensor([[[[1.0, 3.0]], [[-1.0, 1.0]]]])
    return features, gradients


def test_the_three_weightings_follow_their_equations() -> None:
    assert grad_cam_map(*features_and_gradients()).tolist() == [[[2.0, 4.0]]]  # mean gradients 2 and 0
    assert hires_cam_map(*features_and_gradients()).tolist() == [[[-2.0, 10.0]]]
    assert layer_cam_map(*features_and_gradients()).tolist() == [[[1.0, 10.0]]]


@pytest.mark.parametrize("tap", TAPS)
def test_one_backward_pass_gives_the_gradient_at_every_tap(generator: StyleGAN2, pair: Pair, tap: int) -> None:
    precise, codes = copy.deepcopy(generator).double(), pair.positive.double()
    start, _ = precise.advance(codes, TAPS[0])
    features, gradient = tapped_gradients(precise, SmoothScore(), codes, TAPS, start)[tap]
    nudge = 1e-6 * torch.randn(features.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        state, _ = precise.advance(codes, tap + 1)
        low, high = (
            SmoothScore().score(precise.synthesize(codes, start=replace(state, features=features + moved))[0])
            for moved in (-nudge, nudge)
        )
    torch.testing.assert_close((gradient * 2 * nudge).sum(dim=(1, 2, 3)), high - low, rtol=1e-4, atol=1e-13)


def test_parameters_keep_their_gradients_and_flags(generator: StyleGAN2, pair: Pair) -> None:
    GradCam(grad_cam_map, TAPS, 16)(generator, SmoothScore(), *pair)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in generator.parameters())


def test_it_works_on_a_frozen_generator_and_inside_inference_mode(generator: StyleGAN2, pair: Pair) -> None:
    attribution = GradCam(hires_cam_map, TAPS, 16)
    plain = attribution(generator, SmoothScore(), *pair)
    generator.requires_grad_(False)
    try:
        with torch.inference_mode():
            inside = attribution(generator, SmoothScore(), *pair)
    finally:
        generator.requires_grad_(True)
    torch.testing.assert_close(inside, plain)
    assert not plain.requires_grad


def test_order_and_repetition_of_layers_do_not_matter(generator: StyleGAN2, pair: Pair) -> None:
    plain = GradCam(grad_cam_map, TAPS, 16)(generator, SmoothScore(), *pair)
    shuffled = GradCam(grad_cam_map, (4, 2, 3, 4), 16)(generator, SmoothScore(), *pair)
    torch.testing.assert_close(shuffled, plain)


def test_equal_ends_have_no_heat(generator: StyleGAN2, pair: Pair) -> None:
    heat = GradCam(layer_cam_map, EDITED[:2], 16)(generator, SmoothScore(), pair.positive, pair.positive)
    assert (heat == 0).all()
