"""Going on from networks that others trained: their sizes, their weights, and which of them stay as they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from torch import nn

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.generate import load_generator
from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.gan.discriminators import Discriminator, discriminator_of
from higan_cam.train.gan.settings import GanSettings, Network, recipe
from higan_cam.train.gan.steering.sources import discriminators
from higan_cam.weights.embedded import EMBEDDED_GENERATORS
from higan_cam.weights.files import sha256_of
from higan_cam.weights.paths import DISCRIMINATOR, exists, with_network
from higan_cam.weights.state_dicts import fill, named_file, network_tensors
from higan_cam.weights.zoo import weights_file, zoo

log = logging.getLogger(__name__)


class StillNorm(nn.BatchNorm2d):
    """Batch norm that goes on computing what its file says: by its own statistics, which no call moves."""

    def train(self, mode: bool = True) -> StillNorm:
        """Stay as in eval."""
        del mode
        return super().train(False)


def transferred(init: str, init_discriminator: str = "", **said: Any) -> GanSettings:
    """Settings of a run that starts at the weights of a file, whose sizes they take.

    Args:
        init: as `generator.weights` takes it: a StyleGAN2 or DCGAN in any layout, FILE#NAME, or a known name.
        init_discriminator: file of its discriminator; empty for `discriminator.safetensors` beside it, or random
            weights where that is not there or does not fit, which is logged.
        said: other settings; sizes may be among them where they are those of the file.

    Raises:
        ConfigError: a size or network other than the file's, or as `GanSettings` and `freeze`.
        WeightsError: a file cannot be read, or a discriminator that was named does not fit.
    """
    if not init:
        raise ConfigError("init: a discriminator to go on from needs its generator; name that, too")
    network, sizes = _sizes(_generator(init))
    for name, value in {"network": network, **sizes}.items():
        if name in said and said.pop(name) != value:
            raise ConfigError(f"{name}: {init} has {value!r}, which training goes on from; leave it out")
    found = init_discriminator
    if not found and not said.get("second"):
        found = _beside(init, network, sizes["channels"])
    settings = recipe(
        network,
        init=_elsewhere(init),
        init_sha256=sha256_of(weights_file(init, EMBEDDED_GENERATORS)),
        init_discriminator=_elsewhere(found) if found else "",
        init_discriminator_sha256=sha256_of(named_file(found)) if found else "",
        **sizes,
        **said,
    )
    generator, (discriminator, *_) = loaded(settings)
    freeze(settings, generator, discriminator)  # what cannot be is said now
    return settings


def loaded(settings: GanSettings) -> tuple[nn.Module, list[Discriminator]]:
    """Generator and discriminators at the weights of `settings.init`, free to move; what has no file, at random ones.

    Raises:
        ConfigError: a file is not the one that the settings were made from.
        WeightsError: a file cannot be read, or does not fit.
    """
    files = [(weights_file(settings.init, EMBEDDED_GENERATORS), settings.init_sha256)]
    if settings.init_discriminator:
        files.append((named_file(settings.init_discriminator), settings.init_discriminator_sha256))
    for path, digest in files:
        if sha256_of(path) != digest:
            raise ConfigError(f"{path}: has changed since training began; take another output")
    generator = deepcopy(_generator(settings.init)).requires_grad_(True).train()  # weights of its own, not the file's
    judges = discriminators(settings, settings.channels)
    if settings.init_discriminator:
        fill(judges[0], *_discriminator(settings.init_discriminator, judges[0]))
    return generator, judges


def freeze(settings: GanSettings, generator: nn.Module, discriminator: Discriminator) -> None:
    """Let what the settings name stay: by patterns, and FreezeD's layers (Mo et al. 2020, arXiv:2002.10964).

    Batch norm of which no parameter moves stays with its statistics, too: it becomes a `StillNorm`.

    Raises:
        ConfigError: a pattern that nothing matches, more layers than there are, or nothing left that moves.
    """
    layers = discriminator.halving()
    if settings.freeze_discriminator > len(layers):
        raise ConfigError(
            f"freeze_discriminator: the discriminator has {len(layers)} layers that halve the picture, got "
            f"{settings.freeze_discriminator}"
        )
    for part in layers[: settings.freeze_discriminator]:
        part.requires_grad_(False)
    named = {f"{part}.{name}": each for part, name, each in _parameters(generator, discriminator)}
    for pattern in settings.freeze:
        matched = [each for name, each in named.items() if _fits(name, pattern)]
        if not matched:
            some = ", ".join(sorted({name.rpartition(".")[0] for name in named})[:6])
            raise ConfigError(f"freeze: {pattern!r} matches no parameter; there are {some}, …, each with .* below it")
        for each in matched:
            each.requires_grad_(False)
    for norm in generator.modules():  # the discriminators have none
        if isinstance(norm, nn.BatchNorm2d) and not any(each.requires_grad for each in norm.parameters()):
            norm.__class__ = StillNorm
            norm.eval()
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if name == "generator" and settings.properties:
            continue  # what is asked for is learned beside it
        if not any(each.requires_grad for each in network.parameters()):
            raise ConfigError(f"freeze: leaves nothing of the {name} to train; name less")


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.partition(".")[2], pattern)


def _parameters(generator: nn.Module, discriminator: nn.Module) -> Iterator[tuple[str, str, nn.Parameter]]:
    for part, network in (("generator", generator), ("discriminator", discriminator)):
        for name, each in network.named_parameters():
            yield part, name, each


def _generator(init: str) -> StyleGAN2 | DCGAN:
    """The file's network, which pulls no code towards the mean: training draws from all of them."""
    found = load_generator(init)
    if isinstance(found, StyleGAN2) and set(found.edit_strength) != {1.0}:
        found = load_generator(init, truncation_psi=1.0, truncation_layers=0)
    if not isinstance(found, StyleGAN2 | DCGAN):
        raise ConfigError(f"init: {init} is a {type(found).__name__}; a StyleGAN2 or DCGAN can be trained here")
    return found


def _sizes(generator: StyleGAN2 | DCGAN) -> tuple[Network, dict[str, Any]]:
    """The settings that a network's shapes decide."""
    sizes: dict[str, Any] = {"side": generator.resolution, "z_dim": generator.z_dim}
    if isinstance(generator, DCGAN):
        return "dcgan", {**sizes, "channels": generator.channels, "width": generator.channels[-1]}
    layers = sum(1 for name, _ in generator.mapping.named_children() if name.startswith("dense"))
    return "stylegan2", {**sizes, "channels": generator.channels, "mapping_layers": layers}


def _beside(init: str, network: Network, channels: tuple[int, ...]) -> str:
    """The discriminator beside a generator's file where it fits; empty, and logged, where not."""
    path = weights_file(init, EMBEDDED_GENERATORS).with_name(DISCRIMINATOR)
    reason = f"there is no {DISCRIMINATOR} beside it"
    if exists(path):
        try:
            discriminator = discriminator_of(network, channels)
            fill(discriminator, *_discriminator(str(path), discriminator))
        except WeightsError as error:
            reason = str(error)
        else:
            log.info("init=%s discriminator=%s", init, path)
            return str(path)
    log.warning("init=%s: its discriminator starts at random weights: %s", init, reason)
    return ""


def _discriminator(name: str, network: nn.Module) -> tuple[dict[str, Any], Path]:
    """Tensors, and the file that they are from."""
    return network_tensors(name, network.state_dict().keys()), named_file(name)


def _elsewhere(name: str) -> str:
    """The same name for a process in another working directory."""
    if name in EMBEDDED_GENERATORS or str(named_file(name)) in zoo():
        return name
    return with_network(weights_file(name, {}).resolve(), name)
