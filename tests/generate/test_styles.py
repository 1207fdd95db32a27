"""The style matrices are what the networks use: a code moved in their null space leaves the picture as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.generate import DCGAN, PGGAN, StyleGAN, StyleGAN2
from higan_cam.generate.base import LayeredGenerator, StyleBasedGenerator
from higan_cam.generate.styles import style_affines
from tests.support.generators import small, small_latent
from tests.support.tiny_generator import TinyGenerator


@pytest.mark.parametrize("kind", [StyleGAN, StyleGAN2])
def test_only_what_the_matrices_see_changes_the_picture(kind: Callable[..., StyleBasedGenerator]) -> None:
    generator = small(kind, channels=(6, 5, 4, 3))
    draw = np.random.default_rng(0)
    base = torch.from_numpy(draw.standard_normal((1, generator.num_layers, 24)))
    for row in range(generator.num_layers):
        seen = np.concatenate([each.weight for each in style_affines(generator) if each.row == row])
        _, sizes, right = np.linalg.svd(seen)
        assert len(sizes) < 24, "the test needs a direction that no style sees"
        for vector, changes in ((right[-1], False), (right[0], True)):
            moved = base.clone()
            moved[:, row] += torch.from_numpy(vector)
            change = (generator.synthesize(moved)[0] - generator.synthesize(base)[0]).abs().max()
            assert bool(change > 1e-9) is changes


@pytest.mark.parametrize("kind", [StyleGAN, StyleGAN2])
def test_differences_of_styles_are_the_matrix_times_the_difference_of_codes(
    kind: Callable[..., StyleBasedGenerator],
) -> None:
    generator: Any = small(kind)
    path = "epilogue.style_mod.dense" if kind is StyleGAN else "style"
    one, two = torch.randn(2, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for each in style_affines(generator):
        module = generator.synthesis.get_submodule(f"{each.name}.{path}")
        difference = (module(one[None]) - module(two[None]))[0].numpy()
        np.testing.assert_allclose(each.weight @ (one - two).numpy(), difference, atol=1e-10)


def test_stylegan2_has_an_output_on_every_odd_row_and_no_convolution_on_the_last() -> None:
    affines = style_affines(small(StyleGAN2))
    assert [each.name for each in affines if each.row == 3] == ["layer3", "output1"]
    assert [each.name for each in affines if each.row == 7] == ["output3"]
    assert all(each.colour is each.name.startswith("output") for each in affines)


@pytest.mark.parametrize("kind", [DCGAN, PGGAN])
def test_without_styles_it_is_the_first_layer(kind: Callable[..., LayeredGenerator]) -> None:
    generator: Any = small_latent(kind)
    (affine,) = style_affines(generator)
    assert affine.weight.shape == (12 * 16, 16)
    z = torch.randn(3, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    if kind is DCGAN:
        drawn = generator.main[0](z[:, :, None, None])
    else:  # PGGAN scales z to unit mean square first; the layer has a bias
        z = z / z.square().mean(dim=1, keepdim=True).sqrt()
        drawn = generator.layer0(z[:, :, None, None]) - generator.layer0.wscale.bias[:, None, None]
    np.testing.assert_allclose(z.numpy() @ affine.weight.T, drawn.flatten(1).numpy(), atol=1e-6)


def test_a_network_of_another_kind_is_named() -> None:
    with pytest.raises(ConfigError, match="TinyGenerator are not known, expected one of StyleGAN"):
        style_affines(TinyGenerator())
