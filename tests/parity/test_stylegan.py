"""HiGAN's 256 px StyleGAN with hash weights against the recorded numbers, within the recorded tolerances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.generate import StyleGAN, to_uint8
from tests.parity.hash_weights import hash_generator

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def recorded(parity: Path) -> Arrays:
    with np.load(parity / "stylegan_forward.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def generator(parity: Path) -> StyleGAN:
    return hash_generator(parity)


@pytest.fixture(scope="module")
def synthesized(generator: StyleGAN, recorded: Arrays) -> tuple[Tensor, dict[int, Tensor]]:
    return generator.synthesize(torch.from_numpy(recorded["wp"]), taps=range(14))


def assert_near(found: Any, expected: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=tolerance)


def test_latents_are_normalised_to_length_sqrt_dim(recorded: Arrays) -> None:
    raw = recorded["z_raw"].astype(np.float64)
    assert_near(raw / np.linalg.norm(raw, axis=1, keepdims=True) * np.sqrt(512), recorded["z"], 1e-6)


def test_codes_agree(generator: StyleGAN, recorded: Arrays) -> None:
    w = generator.map(torch.from_numpy(recorded["z"]))
    assert_near(w, recorded["w"], 2e-5)
    assert_near(generator.truncate(w), recorded["wp"], 2e-5)


def test_images_agree(synthesized: tuple[Tensor, dict[int, Tensor]], recorded: Arrays) -> None:
    assert_near(synthesized[0], recorded["image"], 2e-4)


def test_pictures_agree(synthesized: tuple[Tensor, dict[int, Tensor]], recorded: Arrays) -> None:
    difference = np.abs(to_uint8(synthesized[0]).astype(int) - recorded["image_u8"].astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("layer", range(14))
def test_layer_outputs_agree(layer: int, synthesized: tuple[Tensor, dict[int, Tensor]], recorded: Arrays) -> None:
    features = synthesized[1][layer]
    step = max(1, features.shape[-1] // 8)
    assert_near(features.mean((2, 3)), recorded[f"l{layer:02d}_mean"], 1e-3)
    assert_near(features.std((2, 3), correction=0), recorded[f"l{layer:02d}_std"], 1e-3)
    assert_near(features[:, :8, ::step, ::step], recorded[f"l{layer:02d}_probe"], 1e-3)
    if 6 <= layer <= 11:
        assert_near(features.sum(1), recorded[f"l{layer:02d}_sum"], 2e-3)


@pytest.mark.parametrize("layer", range(14))
def test_styles_agree(layer: int, generator: StyleGAN, recorded: Arrays) -> None:
    dense = generator.get_submodule(f"synthesis.layer{layer}.epilogue.style_mod.dense")
    style = dense(torch.from_numpy(recorded["wp"])[:, layer])
    assert_near(style[:, :64], recorded[f"l{layer:02d}_style"], 1e-4)
