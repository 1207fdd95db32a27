"""Generators from files of every layout, by name, and the errors on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.generate import DCGAN, PGGAN, StyleGAN, StyleGAN2, load_generator
from higan_cam.generate.base import LayeredGenerator, StyleBasedGenerator
from higan_cam.generate.loading import GENERATORS, generator_from_tensors
from higan_cam.weights.embedded import embedded_path
from higan_cam.weights.files import save_tensors
from tests.support.generators import KINDS, SMALL, SMALL_LATENT, small, small_latent
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def generator(style_based: StyleBasedGenerator) -> StyleBasedGenerator:
    """Each architecture with a mapping network in turn."""
    return style_based


def without_truncation(generator: StyleBasedGenerator) -> dict[str, Tensor]:
    state = {key: value.float() for key, value in generator.state_dict().items()}
    del state["truncation.truncation"]
    return state


def as_genforce(generator: StyleBasedGenerator) -> dict[str, Tensor]:
    """The state dict under GenForce's names, written out independently of the loader's rules."""
    renamed = {}
    for key, value in without_truncation(generator).items():
        name = key.replace(".fc.weight", ".weight").replace(".wscale.bias", ".bias")
        if isinstance(generator, StyleGAN2):
            conv = name.startswith("synthesis.") and name.endswith(".weight") and "style" not in name
            renamed[name] = value.permute(3, 2, 0, 1) if conv else value
        else:
            name = name.replace(".epilogue.", ".").replace(".style_mod.dense.", ".style.").replace(".conv.", ".")
            renamed[name] = value
    return renamed


def wrapped(layout: str, generator: StyleBasedGenerator) -> Mapping[str, Any]:
    state = as_genforce(generator)
    raw = {key: torch.zeros_like(value) for key, value in state.items()}
    three = {"generator": raw, "discriminator": {"a.weight": torch.zeros(2)}, "generator_smooth": state}
    layouts: dict[str, Mapping[str, Any]] = {
        "higan": without_truncation(generator),
        "genforce": three,
        "genforce_training": {"models": three, "running_metadata": {"iter": 3}, "learning_rates": {"lr": 0.1}},
        "genforce_optimizers": {"models": three, "optimizers": {"g": {"state": {0: {"step": torch.ones(1)}}}}},
    }
    return layouts[layout]


@pytest.mark.parametrize("layout", ["higan", "genforce", "genforce_training", "genforce_optimizers"])
def test_every_layout_gives_the_same_image(
    layout: str, generator: StyleBasedGenerator, z: Tensor, tmp_path: Path
) -> None:
    torch.save(wrapped(layout, generator), tmp_path / "g.pth")
    loaded = load_generator(tmp_path / "g.pth", truncation_psi=0.6, truncation_layers=4)
    assert type(loaded) is type(generator)
    expected = generator.float()(z.float())
    image, _ = loaded.synthesize(loaded.truncate(loaded.map(z.float())))
    torch.testing.assert_close(image, expected, rtol=0, atol=1e-4)


def pggan_as_genforce(generator: LayeredGenerator) -> dict[str, Tensor]:
    state = {key: value.float() for key, value in generator.state_dict().items()}
    return {key.replace(".conv.", ".").replace(".wscale.", "."): value for key, value in state.items()}


@pytest.mark.parametrize(
    ("kind", "layout"),
    [
        (PGGAN, dict),
        (PGGAN, pggan_as_genforce),
        (PGGAN, lambda g: {"generator_smooth": pggan_as_genforce(g), "discriminator": {"a": torch.zeros(1)}}),
        (DCGAN, dict),
        (DCGAN, lambda g: {f"module.{key}": value for key, value in g.state_dict().items()}),
        (DCGAN, lambda g: {k: v for k, v in g.state_dict().items() if "num_batches" not in k}),
    ],
    ids=["higan", "genforce", "genforce checkpoint", "example", "data parallel", "before counters"],
)
def test_every_layout_without_w_gives_the_same_image(
    kind: type[LayeredGenerator], layout: Callable[[Any], Mapping[str, Any]], z: Tensor, tmp_path: Path
) -> None:
    generator = small_latent(kind)
    torch.save(layout(generator.state_dict() if layout is dict else generator), tmp_path / "g.pth")
    loaded = load_generator(tmp_path / "g.pth")
    assert type(loaded) is kind
    image, _ = loaded.synthesize(loaded.truncate(loaded.map(z.float())))
    torch.testing.assert_close(image, generator.float()(z.float()), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [PGGAN, DCGAN])
def test_truncation_of_a_generator_without_w_is_a_configuration_error(
    kind: type[LayeredGenerator], tmp_path: Path
) -> None:
    torch.save(small_latent(kind).state_dict(), tmp_path / "g.pth")
    with pytest.raises(ConfigError, match=r"^generator\.truncation_psi: .* has no w and so no mean code"):
        load_generator(tmp_path / "g.pth", truncation_psi=0.7)


def test_a_dcgan_that_draws_grey_pictures_is_refused_by_shape() -> None:
    state = small_latent(DCGAN).state_dict()
    state["main.9.weight"] = state["main.9.weight"][:, :1]
    with pytest.raises(WeightsError, match=r"wrong shapes: main\.9\.weight is \(8, 1, 4, 4\), expected \(8, 3, 4, 4\)"):
        generator_from_tensors(state, {}, "f")


def test_nvidias_pickles_are_refused_with_the_way_out_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "ffhq.pkl").write_bytes(b"never read")
    genforce = r"`python convert_model\.py stylegan2 --source_model_path FILE\.pkl` \(or pggan, .*, stylegan2ada_pth"
    rosinality = r"`python convert_weight\.py --repo PATH_OF_NVLABS_STYLEGAN2 FILE\.pkl`"
    message = rf"ffhq\.pkl: refused: NVIDIA's .*{genforce}.*{rosinality}"
    with pytest.raises(WeightsError, match=message):
        load_generator(tmp_path / "ffhq.pkl")


def test_a_loaded_generator_is_frozen_and_in_eval_mode(generator: StyleBasedGenerator, tmp_path: Path) -> None:
    save_tensors(tmp_path / "g.safetensors", generator.float().state_dict(), {})
    loaded = load_generator(tmp_path / "g.safetensors")
    assert isinstance(loaded, StyleBasedGenerator)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not any(value.is_meta for value in loaded.state_dict().values())


@pytest.mark.parametrize(
    ("settings", "stored", "override", "expected"),
    [
        ({}, False, {}, (0.7,) * 8),
        ({}, True, {}, (0.6,) * 4 + (1.0,) * 4),
        ({"truncation_psi": 0.5, "truncation_layers": 2}, True, {}, (0.5,) * 2 + (1.0,) * 6),
        ({"truncation_psi": 0.5, "truncation_layers": 2}, True, {"truncation_psi": 0.3}, (0.3,) * 2 + (1.0,) * 6),
    ],
    ids=["HiGAN's setting", "stored buffer", "metadata", "argument"],
)
def test_truncation_comes_from_argument_metadata_buffer_or_default_in_that_order(
    settings: dict[str, Any], stored: bool, override: dict[str, Any], expected: tuple[float, ...], tmp_path: Path
) -> None:
    generator = small(StyleGAN).float()
    state = generator.state_dict() if stored else without_truncation(generator)
    save_tensors(tmp_path / "g.safetensors", state, {"settings": json.dumps(settings)})
    loaded = load_generator(tmp_path / "g.safetensors", **override)
    assert loaded.edit_strength == expected
    w = torch.ones(1, 24)
    mean = generator.truncation.w_avg
    torch.testing.assert_close(loaded.truncate(w)[0, 0], mean + expected[0] * (w[0] - mean))


def test_half_precision_files_load_as_float32(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in small(StyleGAN2).state_dict().items()}
    save_tensors(tmp_path / "g.safetensors", state, {"settings": json.dumps({"architecture": "stylegan2", **SMALL})})
    loaded = load_generator(tmp_path / "g.safetensors")
    assert loaded.map(torch.ones(1, 16)).dtype == torch.float32
    assert loaded.edit_strength == (0.6,) * 4 + (1.0,) * 4


def test_permuted_strides_load(z: Tensor, tmp_path: Path) -> None:
    generator = small(StyleGAN2).float()
    state = {
        k: v.transpose(-1, -2).contiguous().transpose(-1, -2) if v.ndim > 1 else v
        for k, v in generator.state_dict().items()
    }
    torch.save(state, tmp_path / "g.pth")
    loaded = load_generator(tmp_path / "g.pth")
    assert torch.equal(loaded.map(z.float()), generator.map(z.float()))


def test_an_unknown_name_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"unknown name 'room'; known: .*rooms, .* Did you mean 'rooms'"):
        load_generator("room")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(WeightsError, match=r"nowhere/g\.pth: no such weights file"):
        load_generator("nowhere/g.pth")


def test_a_name_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    made = small(StyleGAN)
    monkeypatch.setitem(GENERATORS, "mine", lambda *_: made)
    assert load_generator("mine") is made


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"architecture": "stylegan2"}, "settings say 'stylegan2', but the tensors are a stylegan generator"),
        ({"depth": 3}, "describe no stylegan network: .*depth"),
        ({"resolution": 48}, "describe no stylegan network: resolution must be a power of 2"),
        ({"z_dim": 17}, r"wrong shapes: mapping.dense0.fc.weight is \(20, 16\), expected \(20, 17\)"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(WeightsError, match=f"^f: .*{message}"):
        generator_from_tensors(small(StyleGAN).state_dict(), settings, "f")


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON"), ("[1]", "must be a JSON object")])
def test_broken_metadata_is_named(text: str, message: str, tmp_path: Path) -> None:
    save_tensors(tmp_path / "g.safetensors", small(StyleGAN).state_dict(), {"settings": text})
    with pytest.raises(WeightsError, match=message):
        load_generator(tmp_path / "g.safetensors")


def test_missing_and_unknown_keys_are_named() -> None:
    state = without_truncation(small(StyleGAN))
    state["synthesis.extra"] = state.pop("synthesis.layer3.epilogue.bias")
    message = "missing keys: synthesis.layer3.epilogue.bias; unknown keys: synthesis.extra"
    with pytest.raises(WeightsError, match=message):
        generator_from_tensors(state, {}, "f")


def test_rooms_is_embedded() -> None:
    try:
        embedded_path("rooms_generator.safetensors")
    except WeightsError:
        pytest.skip("the embedded generator is not in data/ yet")
    rooms = load_generator("rooms")
    image, _ = rooms.synthesize(rooms.truncate(rooms.map(torch.ones(1, rooms.z_dim))))
    assert image.shape == (1, 3, rooms.resolution, rooms.resolution)
    assert torch.isfinite(image).all()


def test_faces_are_embedded_too_and_small() -> None:
    assert embedded_path("faces_generator.safetensors").stat().st_size < 3_000_000
    faces = load_generator("faces")
    image, _ = faces.synthesize(faces.truncate(faces.map(torch.ones(1, faces.z_dim))))
    assert image.shape == (1, 3, 64, 64)
    assert torch.isfinite(image).all()


def test_neither_the_flow_nor_a_generator_needs_pytorchs_compiler_to_load(tmp_path: Path) -> None:
    """Its import takes seconds, in every process of a run; torchvision's brings it in."""
    for name, kind in KINDS.items():
        network = small_latent(kind) if kind in SMALL_LATENT else small(kind)
        save_tensors(tmp_path / f"{name}.safetensors", network.state_dict(), {})
    code = (
        "import pathlib, sys\n"
        "import higan_cam.pipeline\n"
        "from higan_cam.generate import load_generator\n"
        f"for path in pathlib.Path({str(tmp_path)!r}).iterdir(): load_generator(str(path))\n"
        "sys.exit(any(name in sys.modules for name in ('torch._dynamo', 'sympy', 'torchvision')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=PATIENCE_S).returncode == 0
