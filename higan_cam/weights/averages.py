"""Averaged copies whose tensors have lost their names: EMA callbacks keep lists, or names without their dots."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from higan_cam.weights.networks import Network, is_averaged

log = logging.getLogger(__name__)
_BUFFER = re.compile(
    r"(.*\.)?(running_mean|running_var|num_batches_tracked|kernel|noise|noise_\d+|lod|w_avg|truncation|latent_avg)"
)
"""Tensors that are no parameters, so that averages of parameters leave them out."""


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
