"""StyleGAN2 against a slow implementation of the paper's equations, and against the published key list."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate import StyleGAN2
from higan_cam.generate.stylegan2 import Fir, NoiseChannels
from tests.support.generators import small

FIR = torch.outer(*(2 * [torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64)])) / 16


def dense(state: dict[str, Tensor], name: str, x: Tensor, lr: float = 1.0) -> Tensor:
    weight = state[f"{name}.fc.weight"]
    return x @ weight.T * (lr / math.sqrt(weight.shape[1])) + state[f"{name}.bias"] * lr


def zeros_between(x: Tensor) -> Tensor:
    wide = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3], dtype=x.dtype)
    wide[:, :, ::2, ::2] = x
    return wide


def filtered(x: Tensor, padding: tuple[int, int]) -> Tensor:
    kernel = FIR.expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, padding * 2), kernel, groups=x.shape[1])


def modulated(state: dict[str, Tensor], name: str, x: Tensor, w: Tensor, *, demodulate: bool, up: bool) -> Tensor:
    """One sample at a time, with the sample's own weights (StyleGAN2, equations 1 and 3)."""
    style = dense(state, f"{name}.style", w) + 1
    weight = state[f"{name}.weight"].permute(3, 2, 0, 1)
    weight = weight / math.sqrt(weight[0].numel())
    samples = []
    for n in range(len(w)):
        own = weight * style[n][None, :, None, None]
        if demodulate:
            own = own / torch.sqrt(own.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        if up:
            samples.append(filtered(F.conv2d(F.pad(zeros_between(x[n : n + 1]), (2, 1, 2, 1)), own), (1, 1)))
        else:
            samples.append(F.conv2d(x[n : n + 1], own, padding=own.shape[-1] // 2))
    return torch.cat(samples)


def reference(state: dict[str, Tensor], w: Tensor, layers: int) -> Tensor:
    """The image from (N,w_dim) codes, the same for every row."""
    x = state["synthesis.early_layer.const"].expand(len(w), -1, -1, -1)
    rgb = None
    for layer in range(layers):
        name = f"synthesis.layer{layer}"
        noise = state[f"{name}.noise"] * state[f"{name}.noise_strength"]
        x = modulated(state, name, x, w, demodulate=True, up=layer % 2 == 1) + noise
        x = F.leaky_relu(x + state[f"{name}.bias"][:, None, None], 0.2) * math.sqrt(2)
        if layer % 2 == 0:
            name = f"synthesis.output{layer // 2}"
            added = modulated(state, name, x, w, demodulate=False, up=False) + state[f"{name}.bias"][:, None, None]
            rgb = added if rgb is None else added + filtered(zeros_between(rgb), (2, 1))
    assert rgb is not None
    return rgb


@pytest.mark.parametrize("noise", ["one", "per_channel"])
def test_forward_equals_the_papers_equations_sample_by_sample(noise: NoiseChannels, z: Tensor) -> None:
    generator = small(StyleGAN2, noise_channels=noise)
    w = generator.map(z)
    image, _ = generator.synthesize(w[:, None].expand(-1, 8, -1))
    expected = reference(generator.state_dict(), w, 7)
    assert (image - expected).abs().max() < 1e-10 * expected.abs().max()


def test_mapping_equals_the_papers_equations(z: Tensor) -> None:
    generator = small(StyleGAN2)
    w = z / torch.sqrt(z.square().mean(1, keepdim=True) + 1e-8)
    for layer in range(3):
        w = F.leaky_relu(dense(generator.state_dict(), f"mapping.dense{layer}", w, lr=0.01), 0.2) * math.sqrt(2)
    torch.testing.assert_close(generator.map(z), w)


def test_upsampling_keeps_a_constant_away_from_the_border() -> None:
    up = Fir().upsample(torch.ones(1, 2, 6, 6))
    torch.testing.assert_close(up[:, :, 1:-1, 1:-1], torch.ones(1, 2, 10, 10))


def test_rgb_output_b_reads_row_2b_plus_1(z: Tensor) -> None:
    generator = small(StyleGAN2)
    w_plus = generator.truncate(generator.map(z))
    last_row = w_plus.clone()
    last_row[:, 7] += 1
    image, features = generator.synthesize(w_plus, taps=(6,))
    edited, edited_features = generator.synthesize(last_row, taps=(6,))
    assert torch.equal(features[6], edited_features[6])
    assert not torch.allclose(image, edited)


def test_keys_and_shapes_are_the_published_files(parity: Path) -> None:
    listing = json.loads((parity / "statedict_higan_stylegan2_church256.json").read_text())
    with torch.device("meta"):
        generator = StyleGAN2()
    found = {key: list(value.shape) for key, value in generator.state_dict().items()}
    assert found == {entry["key"]: entry["shape"] for entry in listing["entries"]}


def test_initial_features_neither_vanish_nor_explode() -> None:
    torch.manual_seed(0)
    generator = StyleGAN2(resolution=64, z_dim=32, w_dim=32, mapping_width=32, channels=(32,) * 5)
    w_plus = generator.truncate(generator.map(torch.randn(4, 32)))
    _, features = generator.synthesize(w_plus, taps=range(9))
    powers = [value.square().mean().item() for value in features.values()]
    assert all(0.2 < power < 5 for power in powers), powers


def test_per_channel_noise_is_learned_and_has_the_same_keys() -> None:
    one, many = small(StyleGAN2), small(StyleGAN2, noise_channels="per_channel")
    assert set(one.state_dict()) == set(many.state_dict())
    assert "synthesis.layer3.noise" in dict(many.named_parameters())
    assert many.state_dict()["synthesis.layer3.noise"].shape == (1, 8, 16, 16)
