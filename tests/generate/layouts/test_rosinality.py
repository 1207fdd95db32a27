"""rosinality's StyleGAN2 files draw the picture that their own conventions say."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.generate import StyleGAN2, load_generator
from tests.generate.references import rosinality_codes, rosinality_image

DIM = 12
CHANNELS = (10, 8, 6, 5)
Checkpoint = Callable[[dict[str, Tensor], Tensor], Mapping[str, Any]]


@pytest.fixture
def state() -> dict[str, Tensor]:
    return drawn_state()


def drawn_state() -> dict[str, Tensor]:
    """A 32 px generator with two mapping layers: keys and shapes as its author's code saves them, values drawn."""
    shapes: dict[str, tuple[int, ...]] = {"input.input": (1, CHANNELS[0], 4, 4)}
    for layer in (1, 2):
        shapes |= {f"style.{layer}.weight": (DIM, DIM), f"style.{layer}.bias": (DIM,)}
    wide = ("conv1", *(f"convs.{n}" for n in range(6)))
    for layer, name in enumerate(wide):
        outputs, inputs = CHANNELS[(layer + 1) // 2], CHANNELS[layer // 2]
        shapes |= convolution(name, inputs, outputs, 3)
        shapes |= {f"{name}.noise.weight": (1,), f"{name}.activate.bias": (outputs,)}
        side = 4 * 2 ** ((layer + 1) // 2)
        shapes[f"noises.noise_{layer}"] = (1, 1, side, side)
    for block, name in enumerate(("to_rgb1", "to_rgbs.0", "to_rgbs.1", "to_rgbs.2")):
        shapes |= convolution(name, CHANNELS[block], 3, 1) | {f"{name}.bias": (1, 3, 1, 1)}
    draw = torch.Generator().manual_seed(3)
    values = {key: torch.randn(shape, generator=draw) for key, shape in shapes.items()}
    for layer in (1, 2):
        values[f"style.{layer}.weight"] *= 100
        values[f"style.{layer}.bias"] *= 100
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps) / 64 * 4  # sums to 1, times the factor squared
    filters = [f"convs.{n}.conv.blur.kernel" for n in (0, 2, 4)] + [f"to_rgbs.{n}.upsample.kernel" for n in range(3)]
    return values | {key: kernel.clone() for key in filters}


def convolution(name: str, inputs: int, outputs: int, size: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.conv.weight": (1, outputs, inputs, size, size),
        f"{name}.conv.modulation.weight": (inputs, DIM),
        f"{name}.conv.modulation.bias": (inputs,),
    }


CHECKPOINTS: dict[str, Checkpoint] = {
    "converted": lambda state, mean: {"g_ema": state, "latent_avg": mean},
    "training": lambda state, mean: {
        "g": {key: torch.zeros_like(value) for key, value in state.items()},
        "d": {"convs.0.0.weight": torch.zeros(2)},
        "g_ema": state,
        "g_optim": {"state": {0: {"exp_avg": mean}}},
        "args": Namespace(size=32, lr=0.002),
        "latent_avg": mean,
    },
    "the generator alone": lambda state, mean: {**state, "latent_avg": mean},
}


@pytest.mark.parametrize("checkpoint", CHECKPOINTS.values(), ids=CHECKPOINTS)
@pytest.mark.parametrize("psi", [1.0, 0.6])
def test_images_equal_the_slow_reference(
    state: dict[str, Tensor], checkpoint: Checkpoint, psi: float, tmp_path: Path
) -> None:
    mean = torch.randn(DIM, generator=torch.Generator().manual_seed(4))
    torch.save(checkpoint(state, mean), tmp_path / "550000.pt")
    loaded = loaded_double(tmp_path / "550000.pt", truncation_psi=psi)
    z = torch.randn(2, DIM, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    exact = {key: value.double() for key, value in state.items()}
    w = rosinality_codes(exact, z)
    torch.testing.assert_close(loaded.map(z), w)
    expected = rosinality_image(exact, mean + psi * (w - mean))
    assert expected.std() > 0.1
    assert (loaded(z) - expected).abs().max() < 1e-5 * expected.abs().max()


def loaded_double(path: Path, **settings: Any) -> StyleGAN2:
    generator = load_generator(path, truncation_layers=8, **settings)
    assert isinstance(generator, StyleGAN2)
    return generator.double()


def test_channels_and_sizes_are_read_off_the_file(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save({"g_ema": state}, tmp_path / "g.pt")
    loaded = loaded_double(tmp_path / "g.pt")
    assert (loaded.resolution, loaded.channels, loaded.z_dim, loaded.num_layers) == (32, CHANNELS, DIM, 8)


def test_a_mean_code_that_is_not_in_the_file_is_measured(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save({"g_ema": state}, tmp_path / "g.pt")
    found = loaded_double(tmp_path / "g.pt").truncation.w_avg
    z = torch.randn(20_000, DIM, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w = rosinality_codes({key: value.double() for key, value in state.items()}, z)
    assert (found - w.mean(dim=0)).abs().max() < 0.1 * w.std()
    assert torch.equal(found, loaded_double(tmp_path / "g.pt").truncation.w_avg)


def test_files_from_before_noise_was_kept_get_the_same_noise_every_time(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save({"g_ema": {k: v for k, v in state.items() if not k.startswith("noises.")}}, tmp_path / "g.pt")
    first, second = loaded_double(tmp_path / "g.pt"), loaded_double(tmp_path / "g.pt")
    noise = {f"noises.noise_{n}": first.state_dict()[f"synthesis.layer{n}.noise"] for n in range(7)}
    assert all(
        torch.equal(noise[f"noises.noise_{n}"], second.state_dict()[f"synthesis.layer{n}.noise"]) for n in range(7)
    )
    assert 0.9 < noise["noises.noise_6"].std() < 1.1
    z = torch.ones(1, DIM, dtype=torch.float64)
    exact = {key: value.double() for key, value in state.items()} | noise
    image = first.synthesize(first.map(z)[:, None].expand(-1, 8, -1))[0]
    expected = rosinality_image(exact, rosinality_codes(exact, z))
    assert (image - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"convs.3.conv.modulation.bias": None}, r"missing keys: convs\.3\.conv\.modulation\.bias$"),
        ({"noises.noise_2": None}, r"missing keys: noises\.noise_2$"),
        ({"to_rgbs.1.gate": torch.zeros(1)}, r"unknown keys: to_rgbs\.1\.gate$"),
        ({"conv1.conv.weight": torch.zeros(10, 10, 3, 3)}, r"conv1\.conv\.weight is \(10, 10, 3, 3\), expected 5 axes"),
        (
            {"convs.1.activate.bias": torch.zeros(9)},
            r"wrong shapes: synthesis\.layer2\.bias is \(9,\), expected \(8,\)",
        ),
        ({"convs.0.conv.blur.kernel": torch.ones(3, 3)}, r"filter\.kernel is \(1, 1, 3, 3\), expected \(1, 1, 4, 4\)"),
    ],
)
def test_misfits_are_named(
    state: dict[str, Tensor], change: dict[str, Tensor | None], message: str, tmp_path: Path
) -> None:
    changed = {key: value for key, value in (state | cast(Any, change)).items() if value is not None}
    torch.save({"g_ema": changed}, tmp_path / "g.pt")
    with pytest.raises(WeightsError, match=rf"(rosinality StyleGAN2).*{message}|{message}.*rosinality"):
        load_generator(tmp_path / "g.pt")
