"""Tensors of a file, out of whatever wraps them, into a network that they have to fit.

Among what wraps them are averaged copies whose tensors have lost their names: EMA callbacks keep lists, or names
without their dots.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from torch import Tensor, nn

from higan_cam.errors import WeightsError
from higan_cam.weights.files import load_tensors
from higan_cam.weights.networks import (
    Network,
    apart,
    choose,
    groups,
    is_averaged,
    listing,
    networks_with,
    plain_keys,
    without_bookkeeping,
)
from higan_cam.weights.paths import split_network

log = logging.getLogger(__name__)
_BUFFER = re.compile(
    r"(.*\.)?(running_mean|running_var|num_batches_tracked|kernel|noise|noise_\d+|lod|w_avg|truncation|latent_avg)"
)
"""Tensors that are no parameters, so that averages of parameters leave them out."""


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


def fill(module: nn.Module, tensors: dict[str, Tensor], path: Path, *, assign: bool = False) -> None:
    """Load a state dict whose keys and shapes are the module's; `assign` takes the tensors in place of the module's.

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
    module.load_state_dict(tensors, assign=assign)


def unnamed_averages(tensors: Mapping[str, Tensor], found: Sequence[Network], source: str) -> list[Network]:
    """Averaged copies of the networks found, with the names that their tensors had: by order and shape, or by letters.

    torch_ema's and diffusers' `shadow_params` are lists in the order of the parameters; latent-diffusion's `model_ema`
    has the parameters' names without dots. What is averaged and fits none of the networks is said in the log.
    """
    copies = []
    for name, listed in _lists(tensors).items():
        fitting = [made for each in found if (made := _by_order(name, listed, each)) is not None]
        if len(fitting) == 1:
            copies += fitting
        else:
            log.warning(
                "weights=%s: averaged tensors at %s have no names and fit %d networks in the file; they are not used",
                *(source, name, len(fitting)),
            )
    return copies + [made for each in found if (made := _by_letters(tensors, each)) is not None]


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _lists(tensors: Mapping[str, Tensor]) -> dict[str, list[Tensor]]:
    """{name: tensors} of every list of tensors below an averaged name."""
    lists: dict[str, list[Tensor]] = {}
    for key, value in tensors.items():
        name, _, last = key.rpartition(".")
        if last.isdecimal() and is_averaged(name):
            lists.setdefault(name, []).append(value)
    return lists


def _by_order(name: str, listed: Sequence[Tensor], raw: Network) -> Network | None:
    start = f"{raw.name}." if raw.name else ""
    keys = [key for key in raw.tensors if not _BUFFER.fullmatch(key) and not (start + key).startswith(f"{name}.")]
    if [raw.tensors[key].shape for key in keys] != [value.shape for value in listed]:
        return None
    return Network(name, dict(zip(keys, listed, strict=True)))


def _by_letters(tensors: Mapping[str, Tensor], raw: Network) -> Network | None:
    """The copy whose keys are the raw one's, without dots and perhaps with the names above it."""
    above = raw.name.split(".") if raw.name else []
    for depth in range(len(above) + 1):
        start = "".join(above[len(above) - depth :])
        keys = {start + key.replace(".", ""): key for key in raw.tensors if "." in key}
        parents = {key.rpartition(".")[0] for key in tensors if key.rpartition(".")[2] in keys}
        for name in sorted(parents):
            inside = {key.rpartition(".")[2]: value for key, value in tensors.items() if key.rpartition(".")[0] == name}
            if is_averaged(name) and all(key in keys or value.numel() == 1 for key, value in inside.items()):
                return Network(name, {keys[key]: value for key, value in inside.items() if key in keys})
    return None
