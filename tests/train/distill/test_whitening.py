"""Whitened training coordinates can be folded away."""

from __future__ import annotations

import torch

from higan_cam.train.distill.latents import as_tensor, held_out_latents
from higan_cam.train.distill.trainee import build_generator
from higan_cam.train.distill.whitening import fold_whitening, measure_whitening
from higan_cam.train.distill.worlds import toy_world


@torch.no_grad()
def test_whitened_codes_have_mean_zero_and_deviation_one_where_w_varies() -> None:
    generator = build_generator((4, 4), 8, toy_world("rooms"))
    codes = measure_whitening(generator).codes(generator, as_tensor(held_out_latents(4000)))
    varies = generator.map(as_tensor(held_out_latents(200))).std(0) > 1e-6
    assert codes.mean(dim=(0, 1)).abs().max() < 0.1
    torch.testing.assert_close(codes[:, 0, varies].std(0), torch.ones(int(varies.sum())), atol=0.1, rtol=0)
    assert not codes[:, :, ~varies].any()


@torch.no_grad()
def test_folded_generator_is_the_same_function_of_z() -> None:
    torch.manual_seed(0)
    generator = build_generator((8, 8, 6), 16, toy_world("rooms"))
    for name, parameter in generator.synthesis.named_parameters():
        if name.endswith("style.bias"):
            parameter.copy_(0.3 * torch.randn_like(parameter))
    whitening, z = measure_whitening(generator), as_tensor(held_out_latents(6))
    before = generator.synthesize(whitening.codes(generator, z))[0]
    fold_whitening(generator, whitening)
    torch.testing.assert_close(generator(z), before, atol=1e-4 * float(before.abs().max()), rtol=0)
