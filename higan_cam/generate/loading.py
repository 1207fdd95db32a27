"""Generators by name or from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from higan_cam.errors import ConfigError, WeightsError, unknown_name
from higan_cam.generate.base import LayeredGenerator, StyleBasedGenerator
from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.latents import sample_latents
from higan_cam.generate.layouts import GeneratorState, read_layout
from higan_cam.generate.layouts.checks import check_fit
from higan_cam.generate.pggan import PGGAN
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.types import Generator, Precision
from higan_cam.weights.embedded import EMBEDDED_GENERATORS, embedded_path
from higan_cam.weights.files import NVIDIA, PICKLED, load_tensors
from higan_cam.weights.paths import exists, expanded, split_network
from higan_cam.weights.zoo import resolve, zoo

ARCHITECTURES: dict[str, Callable[..., LayeredGenerator]] = {
    "stylegan": StyleGAN,
    "stylegan2": StyleGAN2,
    "pggan": PGGAN,
    "dcgan": DCGAN,
}
HIGAN_TRUNCATION: dict[str, dict[str, Any]] = {
    "stylegan": {"truncation_psi": 0.7, "truncation_layers": 8},
    "stylegan2": {"truncation_psi": 0.5, "truncation_layers": 18},
}
"""HiGAN's settings, for files that store none. Architectures that are absent have no w to truncate."""
MEAN_CODE_SAMPLES = 4096
"""Latents whose codes are averaged where a file has no mean code; as many as its own tools take."""


def load_generator(
    path_or_name: str | Path,
    *,
    truncation_psi: float | None = None,
    truncation_layers: int | None = None,
    precision: Precision = "float32",
) -> Generator:
    """A generator on the CPU, ready for inference: float32, eval mode, parameters frozen.

    Args:
        path_or_name: a name in `GENERATORS` ("rooms" is embedded); the name of a fetched checkpoint, such as
            "stylegan_bedroom" (`higan-cam weights list`); or a file of safetensors or torch.save in a known layout
            (`layouts.LAYOUTS`), whatever wraps it. Architecture, resolution and channels are read off its shapes. Of
            several networks in a file the averaged generator is taken, or the one that `FILE#NAME` names.
        truncation_psi: pull of truncated w+ rows towards the mean code, 0 to 1; None keeps what the file says (its
            "settings" metadata, else its truncation buffer, else HiGAN's setting for the architecture).
        truncation_layers: number of leading w+ rows that are truncated; None likewise. At 0 psi has no effect.
        precision: of the layers' products; weights, codes and images are float32 all the same.

    Raises:
        ConfigError: an unknown name, or truncation of a generator without w.
        WeightsError: the file is missing, unsafe or damaged, or its keys and shapes fit no network.
    """
    name, network = str(path_or_name), None
    if name not in GENERATORS:
        name, network = split_network(name)
    fetched = generator_names()
    if name not in GENERATORS and name not in fetched and not _looks_like_path(name):
        raise unknown_name("generator.weights", name, [*GENERATORS, *fetched])
    make = GENERATORS.get(name, partial(generator_from_file, resolve(name), network=network))
    generator = make(truncation_psi, truncation_layers)
    if isinstance(generator, LayeredGenerator):
        generator.precision = precision
    return generator


def generator_from_file(
    path: Path,
    truncation_psi: float | None = None,
    truncation_layers: int | None = None,
    *,
    network: str | None = None,
) -> Generator:
    """As `load_generator`, from a file whatever its name; `network` is the name of one of several in it."""
    tensors, metadata = load_tensors(path)
    overrides = {"truncation_psi": truncation_psi, "truncation_layers": truncation_layers}
    chosen = {key: value for key, value in overrides.items() if value is not None}
    return generator_from_tensors(tensors, _settings(metadata, path) | chosen, str(path), network)


def generator_from_tensors(
    tensors: Mapping[str, Tensor], settings: Mapping[str, Any], source: str, network: str | None = None
) -> Generator:
    """A generator from a state dict in any known layout; `settings` are constructor arguments that take precedence.

    Raises:
        WeightsError: keys, shapes or settings that fit no network; `source` is named in it.
    """
    state = read_layout(tensors, source, network)
    generator = _empty_network(state, settings, source)
    complete = dict(state.tensors)
    measured = False
    if isinstance(generator, StyleBasedGenerator):
        complete["truncation.truncation"] = torch.tensor(generator.edit_strength).view(1, -1, 1)
        measured = state.layout.mean_code_optional and "truncation.w_avg" not in complete
        if measured:
            complete["truncation.w_avg"] = torch.zeros(generator.w_dim)
    check_fit(complete, generator.state_dict(), source, state.layout.name)
    contiguous = {
        key: (value.float() if value.is_floating_point() else value).contiguous() for key, value in complete.items()
    }
    generator.load_state_dict(contiguous, strict=True, assign=True)
    generator.eval().requires_grad_(False)
    if measured and isinstance(generator, StyleBasedGenerator):
        generator.truncation.w_avg.copy_(_mean_code(generator))
    return generator


def _empty_network(state: GeneratorState, settings: Mapping[str, Any], source: str) -> LayeredGenerator:
    """The network that the tensors and settings describe, without memory: every tensor comes from the file."""
    arguments = HIGAN_TRUNCATION.get(state.architecture, {}) | state.arguments | dict(settings)
    architecture = str(arguments.pop("architecture", state.architecture))
    if architecture != state.architecture:
        raise WeightsError(
            f"{source}: settings say {architecture!r}, but the tensors are a {state.architecture} generator"
        )
    truncated = [f"generator.{name}" for name in ("truncation_psi", "truncation_layers") if name in arguments]
    if truncated and architecture not in HIGAN_TRUNCATION:
        raise ConfigError(
            f"{' and '.join(truncated)}: {source} is a {architecture} generator, which has no w and so no mean code to "
            "truncate towards; leave it out"
        )
    try:
        with torch.device("meta"):
            return ARCHITECTURES[architecture](**arguments)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{source}: its settings or shapes describe no {architecture} network: {error}") from error


def _mean_code(generator: StyleBasedGenerator) -> Tensor:
    """(w_dim,) mean of w over fixed latents."""
    z = torch.from_numpy(sample_latents(range(MEAN_CODE_SAMPLES), seed=0, dim=generator.z_dim))
    with torch.no_grad():
        return generator.map(z).double().mean(dim=0).float()


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
    path = expanded(name)
    return path.suffix.lower() in PICKLED | {".safetensors", NVIDIA} or len(path.parts) > 1 or exists(path)


def generator_names() -> list[str]:
    """Checkpoints that are known by name, fetched or not."""
    return [checkpoint.name for checkpoint in zoo().values() if checkpoint.kind == "generator"]


def _embedded(file: str, truncation_psi: float | None, truncation_layers: int | None) -> Generator:
    return generator_from_file(embedded_path(file), truncation_psi, truncation_layers)


GENERATORS: dict[str, Callable[[float | None, int | None], Generator]] = {
    name: partial(_embedded, each.file) for name, each in EMBEDDED_GENERATORS.items()
}
"""Name -> factory(truncation_psi, truncation_layers); add an entry to make a generator known by name."""
