"""Published layouts are recognised, renamed and transposed; what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from higan_cam.errors import WeightsError
from higan_cam.generate import DCGAN, PGGAN, StyleGAN, StyleGAN2
from higan_cam.generate.base import LayeredGenerator, StyleBasedGenerator
from higan_cam.generate.layouts import detect_layout, read_layout, select_generator
from higan_cam.generate.layouts.checks import check_fit, listed
from higan_cam.generate.layouts.latent import pggan_from_genforce
from higan_cam.generate.layouts.style import from_genforce
from higan_cam.generate.loading import ARCHITECTURES
from tests.support.generators import SMALL, SMALL_LATENT, small, small_latent

Listing = dict[str, list[int]]
LISTINGS = {
    "higan_stylegan_bedroom256": "HiGAN StyleGAN",
    "genforce_stylegan_256": "GenForce StyleGAN",
    "higan_stylegan2_church256": "HiGAN StyleGAN2",
    "genforce_stylegan2_256": "GenForce StyleGAN2",
    "higan_pggan_bedroom256": "HiGAN PGGAN",
    "genforce_pggan_256": "GenForce PGGAN",
}
"""Published state-dict listing -> the layout it is."""


@pytest.fixture
def generator(style_based: StyleBasedGenerator) -> StyleBasedGenerator:
    """Each architecture with a mapping network in turn."""
    return style_based


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


@pytest.mark.parametrize(("name", "layout"), LISTINGS.items())
def test_every_published_listing_is_recognised_to_the_last_key(parity: Path, name: str, layout: str) -> None:
    tensors = meta(listing(parity, name))
    found = detect_layout(tensors, "file.pth")
    assert found.name == layout
    assert found.matches(tensors) == len(tensors)


@pytest.mark.parametrize("name", ["higan_pggan_bedroom256", "genforce_pggan_256"])
def test_pggan_has_the_published_keys_and_shapes(parity: Path, name: str) -> None:
    published = meta(listing(parity, name))
    tensors = pggan_from_genforce(published) if name.startswith("genforce") else published
    with torch.device("meta"):
        generator = PGGAN()
    expected = {key: list(value.shape) for key, value in generator.state_dict().items()}
    assert {key: list(value.shape) for key, value in tensors.items()} == expected


@pytest.mark.parametrize("kind", [PGGAN, DCGAN])
def test_shapes_give_the_arguments_of_generators_without_w(kind: type[LayeredGenerator]) -> None:
    state = read_layout(small_latent(kind).state_dict(), "file.pth")
    assert ARCHITECTURES[state.architecture] is kind
    assert state.arguments == SMALL_LATENT[kind]


@pytest.mark.parametrize("size", [8, 16, 64, 256, 1024])
def test_dcgan_of_any_size_is_sized_by_its_convolutions(size: int) -> None:
    generator = DCGAN(resolution=size, z_dim=6, channels=range(2, 2 + len(bin(size)) - 5))
    assert read_layout(generator.state_dict(), "f").arguments["resolution"] == size


def test_dcgan_in_the_examples_own_sequence_has_the_same_keys() -> None:
    blocks = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False), nn.BatchNorm2d(512), nn.ReLU()]
    for width in (512, 256, 128):
        blocks += [nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(width // 2), nn.ReLU()]
    example = nn.ModuleDict({"main": nn.Sequential(*blocks, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())})
    shapes = {key: value.shape for key, value in example.state_dict().items()}
    assert {key: value.shape for key, value in DCGAN().state_dict().items()} == shapes


def test_dcgans_discriminator_is_told_from_its_generator() -> None:
    parts = [nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU()]
    tensors = nn.ModuleDict({"main": nn.Sequential(*parts)}).state_dict()
    with pytest.raises(WeightsError, match=r"convolutions are main\.\[0, 2\], expected main\.\[0, 3\]"):
        read_layout(tensors, "netD.pth")


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
    key = "main.0.weight"
    tensors = {
        f"{depth}generator.{key}": one,
        f"{depth}generator_smooth.{key}": two,
        f"{depth}discriminator.{key}": other,
    }
    assert select_generator(tensors, "f") == {key: two}
    assert select_generator(tensors, "f", "generator") == {key: one}
    del tensors[f"{depth}generator_smooth.{key}"]
    assert select_generator(tensors, "f") == {key: one}


def test_a_file_of_something_else_is_refused_with_some_of_its_keys() -> None:
    tensors = {f"backbone.{n}.weight": torch.zeros(1) for n in range(9)}
    with pytest.raises(WeightsError, match=r"^f\.pth: not a generator in a known layout \(.*\); .* and 1 more$"):
        read_layout(tensors, "f.pth")


def test_the_layout_that_comes_nearest_is_named() -> None:
    tensors = small_latent(PGGAN).state_dict()
    tensors["layer0.linear.weight"] = tensors.pop("layer0.conv.weight")
    expected = (
        r"nearest is HiGAN PGGAN \(24 of 25 keys fit\); missing keys: layer0\.conv\.weight; .*layer0\.linear\.weight$"
    )
    with pytest.raises(WeightsError, match=expected):
        read_layout(tensors, "f.pth")


@pytest.mark.parametrize(("key", "name"), [("synthesis.lod", "stylegan"), ("lod", "pggan")])
def test_growth_that_is_not_finished_is_refused(key: str, name: str) -> None:
    generator = small(StyleGAN) if name == "stylegan" else small_latent(PGGAN)
    with pytest.raises(WeightsError, match=rf"{key} is 1\.5, expected 0"):
        read_layout(generator.state_dict() | {key: torch.tensor(1.5)}, "f.pth")


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
