"""Tensors of a file, out of whatever wraps them, into a network that they have to fit."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from torch import Tensor, nn

from higan_cam.errors import WeightsError
from higan_cam.weights.averages import unnamed_averages
from higan_cam.weights.files import load_tensors
from higan_cam.weights.networks import (
    apart,
    choose,
    groups,
    listing,
    networks_with,
    plain_keys,
    without_bookkeeping,
)
from higan_cam.weights.paths import split_network


def named_file(weights: str) -> Path:
    """The file of `FILE` or `FILE#NAME`."""
    return Path(split_network(weights)[0])


def network_tensors(weights: str, own: Collection[str]) -> dict[str, Tensor]:
    """The tensors of a network whose keys are `own`, out of a file with whatever wraps it.

    Args:
        weights: `FILE`, or `FILE#NAME` where it holds several.

    Raises:
        WeightsError: as `load_tensors`; several networks that nothing tells apart. A network that is nowhere is left to
            `fill`.
    """
    path, wanted = named_file(weights), split_network(weights)[1]
    tensors = plain_keys(load_tensors(path)[0])
    parameters = [key for key in own if not key.endswith("num_batches_tracked")]
    # The deepest key ends no other key of the same network.
    networks = networks_with(tensors, {max(parameters, key=lambda key: (key.count("."), key))})
    if not networks:
        return tensors
    chosen = choose(apart(networks, unnamed_averages(tensors, networks, str(path))), str(path), wanted)
    return without_bookkeeping(chosen.tensors, own.__contains__)


def fill(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Load a state dict whose keys and shapes are the module's.

    Raises:
        WeightsError: counts the keys that do not fit, and names the first of them.
    """
    own = module.state_dict()
    missing, unexpected = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    misshapen = [key for key in own if key in tensors and own[key].shape != tensors[key].shape]
    kinds = (("missing", missing), ("unexpected", unexpected))
    problems = [f"{len(keys)} {what} keys, e.g. {keys[0]}" for what, keys in kinds if keys]
    problems += [f"{key} is {_shape(tensors[key])}, expected {_shape(own[key])}" for key in misshapen[:1]]
    if problems:
        theirs = {key: value for key, value in tensors.items() if not key.endswith("num_batches_tracked")}
        held = "" if own.keys() & theirs.keys() else f"; the file holds {listing(groups(theirs))}"
        raise WeightsError(f"{path}: does not fit {type(module).__name__}: {'; '.join(problems)}{held}")
    module.load_state_dict(tensors)


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
