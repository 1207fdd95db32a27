"""Generators by name or from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from higan_cam.errors import WeightsError, unknown_name
from higan_cam.generate.base import StyleBasedGenerator
from higan_cam.generate.layouts import check_fit, read_layout
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.types import Generator
from higan_cam.weights import PICKLED, data_path, load_tensors

ARCHITECTURES: dict[str, Callable[..., StyleBasedGenerator]] = {"stylegan": StyleGAN, "stylegan2": StyleGAN2}
HIGAN_TRUNCATION: dict[str, dict[str, Any]] = {
    "stylegan": {"truncation_psi": 0.7, "truncation_layers": 8},
    "stylegan2": {"truncation_psi": 0.5, "truncation_layers": 18},
}
"""HiGAN's settings, for files that store none."""


def load_generator(
    path_or_name: str | Path, *, truncation_psi: float | None = None, truncation_layers: int | None = None
) -> Generator:
    """A generator on the CPU, ready for inference: float32, eval mode, parameters frozen.

    Args:
        path_or_name: a name in `GENERATORS` ("rooms" is embedded), or a .safetensors, .pth or .pt file in HiGAN's or
            GenForce's layout. Architecture, resolution and channels are read off its shapes.
        truncation_psi: pull of truncated w+ rows towards the mean code, 0 to 1; None keeps what the file says (its
            "settings" metadata, else its truncation buffer, else HiGAN's setting for the architecture).
        truncation_layers: number of leading w+ rows that are truncated; None likewise. At 0 psi has no effect.

    Raises:
        ConfigError: an unknown name.
        WeightsError: the file is missing, unsafe or damaged, or its keys and shapes fit no network.
    """
    name = str(path_or_name)
    if name in GENERATORS:
        return GENERATORS[name](truncation_psi, truncation_layers)
    if not _looks_like_path(name):
        raise unknown_name("generator.weights", name, GENERATORS)
    return generator_from_file(Path(path_or_name), truncation_psi, truncation_layers)


def generator_from_file(
    path: Path, truncation_psi: float | None = None, truncation_layers: int | None = None
) -> Generator:
    """As `load_generator`, from a file whatever its name."""
    tensors, metadata = load_tensors(path)
    overrides = {"truncation_psi": truncation_psi, "truncation_layers": truncation_layers}
    chosen = {key: value for key, value in overrides.items() if value is not None}
    return generator_from_tensors(tensors, _settings(metadata, path) | chosen, str(path))


def generator_from_tensors(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], source: str) -> Generator:
    """A generator from a state dict in any known layout; `settings` are constructor arguments that take precedence.

    Raises:
        WeightsError: keys, shapes or settings that fit no network; `source` is named in it.
    """
    state = read_layout(tensors, source)
    arguments = HIGAN_TRUNCATION[state.architecture] | state.arguments | dict(settings)
    architecture = str(arguments.pop("architecture", state.architecture))
    if architecture != state.architecture:
        raise WeightsError(
            f"{source}: settings say {architecture!r}, but the tensors are a {state.architecture} generator"
        )
    try:
        # Built without memory: every tensor comes from the file.
        with torch.device("meta"):
            generator = ARCHITECTURES[architecture](**arguments)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{source}: its settings or shapes describe no {architecture} network: {error}") from error
    strength = torch.tensor(generator.edit_strength).view(1, -1, 1)
    complete = {**state.tensors, "truncation.truncation": strength}
    check_fit(complete, generator.state_dict(), source)
    contiguous = {key: value.float().contiguous() for key, value in complete.items()}
    generator.load_state_dict(contiguous, strict=True, assign=True)
    return generator.eval().requires_grad_(False)


def _settings(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Constructor arguments from safetensors metadata; empty where there are none."""
    text = metadata.get("settings", "{}")
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as error:
        raise WeightsError(f"{path}: its 'settings' metadata is not JSON ({error}): {text[:80]!r}") from error
    if not isinstance(settings, dict):
        raise WeightsError(f"{path}: its 'settings' metadata must be a JSON object, got {text[:80]!r}")
    return settings


def _looks_like_path(name: str) -> bool:
    path = Path(name)
    return path.suffix in PICKLED | {".safetensors"} or len(path.parts) > 1 or path.exists()


def _rooms(truncation_psi: float | None, truncation_layers: int | None) -> Generator:
    return generator_from_file(data_path("rooms_generator.safetensors"), truncation_psi, truncation_layers)


GENERATORS: dict[str, Callable[[float | None, int | None], Generator]] = {"rooms": _rooms}
"""Name -> factory(truncation_psi, truncation_layers); add an entry to make a generator known by name."""
