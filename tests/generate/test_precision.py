"""Coarser products change pictures a little, and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.generate import load_generator
from higan_cam.generate.base import LayeredGenerator
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.generate.stylegan2 import StyleGAN2


@pytest.fixture(params=[StyleGAN, StyleGAN2])
def generator(request: pytest.FixtureRequest) -> LayeredGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made: LayeredGenerator = request.param(resolution=32, z_dim=16, w_dim=16, channels=[32, 32, 32, 16])
    return made.eval().requires_grad_(False)


@pytest.fixture
def codes(generator: LayeredGenerator) -> Tensor:
    return generator.truncate(generator.map(torch.randn(3, 16, generator=torch.Generator().manual_seed(1))))


def test_bfloat16_pictures_are_float32_and_nearly_the_same(generator: LayeredGenerator, codes: Tensor) -> None:
    fine = generator.synthesize(codes)[0]
    generator.precision = "bfloat16"
    coarse, taps = generator.synthesize(codes, taps=(2, 4))
    assert coarse.dtype == torch.float32
    assert {tap.dtype for tap in taps.values()} == {torch.float32}
    assert not torch.equal(fine, coarse)
    assert (fine - coarse).square().mean().sqrt() < 0.03 * fine.std()  # 8 bits, eight layers of random weights


def test_bfloat16_goes_on_from_a_state_as_if_never_interrupted(generator: LayeredGenerator, codes: Tensor) -> None:
    generator.precision = "bfloat16"
    state, _ = generator.advance(codes, 3)
    torch.testing.assert_close(generator.synthesize(codes, start=state)[0], generator.synthesize(codes)[0])


def test_gradients_pass_through_bfloat16_layers(generator: LayeredGenerator, codes: Tensor) -> None:
    generator.precision = "bfloat16"
    leaf = codes.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(generator.synthesize(leaf)[0].square().sum(), leaf)
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


def test_tf32_is_left_to_the_process(generator: LayeredGenerator, codes: Tensor) -> None:
    fine = generator.synthesize(codes)[0]
    generator.precision = "tf32"
    assert torch.equal(generator.synthesize(codes)[0], fine)


def test_the_embedded_generator_comes_in_the_precision_asked_for() -> None:
    generator = load_generator("rooms", precision="bfloat16")
    codes = generator.truncate(
        generator.map(torch.randn(4, generator.z_dim, generator=torch.Generator().manual_seed(0)))
    )
    coarse, fine = (made.synthesize(codes)[0].clamp(-1, 1) for made in (generator, load_generator("rooms")))
    error = ((coarse - fine) / 2).square().mean()
    assert 0 < error < 1e-5  # 50 dB
