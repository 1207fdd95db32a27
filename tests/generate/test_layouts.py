"""Published layouts are recognised, renamed and transposed; what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.generate import StyleGAN, StyleGAN2
from higan_cam.generate.base import StyleBasedGenerator
from higan_cam.generate.layouts import check_fit, from_genforce, listed, read_layout, select_generator
from tests.generate.conftest import SMALL, small

Listing = dict[str, list[int]]


def listing(parity: Path, name: str) -> Listing:
    entries = json.loads((parity / f"statedict_{name}.json").read_text())["entries"]
    return {entry["key"]: entry["shape"] for entry in entries}


def meta(shapes: Listing) -> dict[str, Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


@pytest.mark.parametrize(
    ("genforce", "higan", "architecture"),
    [
        ("genforce_stylegan_256", "higan_stylegan_bedroom256", "stylegan"),
        ("genforce_stylegan2_256", "higan_stylegan2_church256", "stylegan2"),
    ],
)
def test_genforce_keys_and_shapes_become_higans(parity: Path, genforce: str, higan: str, architecture: Any) -> None:
    converted = from_genforce(meta(listing(parity, genforce)), architecture)
    expected = listing(parity, higan)
    expected.pop("truncation.truncation")
    assert {key: list(value.shape) for key, value in converted.items()} == expected


def test_stylegan_values_move_as_the_verified_map_says(parity: Path) -> None:
    entries = json.loads((parity / "statedict_map_genforce_higan_stylegan256.json").read_text())["entries"]
    shapes = listing(parity, "higan_stylegan_bedroom256")
    numbers = {entry["higan"]: torch.full(shapes[entry["higan"]], float(n)) for n, entry in enumerate(entries)}
    axes = {"synthesis.layer10.weight", "synthesis.layer12.weight"}
    higan = {k: torch.randn(v.shape) if k in axes else v for k, v in numbers.items()}
    genforce = {e["genforce"]: permuted(higan[e["higan"]], e["higan_to_genforce_permute"]) for e in entries}
    converted = from_genforce(genforce, "stylegan")
    assert set(converted) == set(higan)
    assert all(torch.equal(converted[key], value) for key, value in higan.items())


def permuted(value: Tensor, axes: list[int] | None) -> Tensor:
    return value if axes is None else value.permute(axes)


def test_shapes_give_the_constructor_arguments(generator: StyleBasedGenerator) -> None:
    state = read_layout(generator.state_dict(), "file.pth")
    expected = dict(SMALL)
    if isinstance(generator, StyleGAN2):
        expected["noise_channels"] = "one"
    assert state.architecture == ("stylegan2" if isinstance(generator, StyleGAN2) else "stylegan")
    assert state.arguments == expected
    assert "truncation.truncation" not in state.tensors


def test_learned_noise_maps_are_recognised() -> None:
    state = read_layout(small(StyleGAN2, noise_channels="per_channel").state_dict(), "file.pth")
    assert state.arguments["noise_channels"] == "per_channel"


@pytest.mark.parametrize("depth", ["", "models."])
def test_the_smoothed_generator_is_preferred(depth: str) -> None:
    one, two, other = torch.zeros(1), torch.ones(1), torch.zeros(2)
    tensors = {f"{depth}generator.a": one, f"{depth}generator_smooth.a": two, f"{depth}discriminator.a": other}
    assert select_generator(tensors) == {"a": two}
    del tensors[f"{depth}generator_smooth.a"]
    assert select_generator(tensors) == {"a": one}


def test_pggan_is_refused_by_name_of_its_keys(parity: Path) -> None:
    tensors = meta(listing(parity, "higan_pggan_bedroom256"))
    with pytest.raises(WeightsError, match=r"^f\.pth: not a StyleGAN or StyleGAN2 generator: .* and \d+ more"):
        read_layout(tensors, "f.pth")


def test_unfinished_training_is_refused() -> None:
    tensors = small(StyleGAN).state_dict() | {"synthesis.lod": torch.tensor(1.5)}
    with pytest.raises(WeightsError, match=r"synthesis.lod is 1.5, expected 0"):
        read_layout(tensors, "f.pth")


def test_a_file_without_outputs_is_named_as_such(generator: StyleBasedGenerator) -> None:
    state = generator.state_dict()
    tensors = {key: value for key, value in state.items() if "output1" not in key and "dense0" not in key}
    with pytest.raises(WeightsError, match=r"missing keys: mapping\.dense0\.fc\.weight, synthesis\.output1"):
        read_layout(tensors, "f.pth")


def test_truncation_that_no_psi_describes_is_refused() -> None:
    tensors = small(StyleGAN).state_dict() | {"truncation.truncation": torch.linspace(0, 1, 8).view(1, 8, 1)}
    with pytest.raises(WeightsError, match="expected one value on the first rows and 1 on the others"):
        read_layout(tensors, "f.pth")


def test_misfits_are_named_up_to_five_of_a_kind() -> None:
    expected = {f"k{n}": torch.zeros(2) for n in range(8)} | {"same": torch.zeros(1), "bent": torch.zeros(2, 3)}
    found = {"same": torch.zeros(1), "bent": torch.zeros(3, 2), "extra": torch.zeros(1)}
    with pytest.raises(WeightsError) as caught:
        check_fit(found, expected, "f.pth")
    assert str(caught.value) == (
        "f.pth: does not fit the network; missing keys: k0, k1, k2, k3, k4 and 3 more; "
        "unknown keys: extra; wrong shapes: bent is (3, 2), expected (2, 3)"
    )
    assert listed(["a"]) == "a"
