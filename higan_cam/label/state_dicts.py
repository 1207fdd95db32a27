"""Tensors of a file into a network that they have to fit."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from higan_cam.errors import WeightsError


def fill(module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Load a state dict whose keys and shapes are the module's.

    Raises:
        WeightsError: counts the keys that do not fit, and names the first of them.
    """
    own = module.state_dict()
    missing, unexpected = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    misshapen = [key for key in own if key in tensors and own[key].shape != tensors[key].shape]
    groups = (("missing", missing), ("unexpected", unexpected))
    problems = [f"{len(keys)} {what} keys, e.g. {keys[0]}" for what, keys in groups if keys]
    problems += [f"{key} is {_shape(tensors[key])}, expected {_shape(own[key])}" for key in misshapen[:1]]
    if problems:
        raise WeightsError(f"{path}: does not fit {type(module).__name__}: {'; '.join(problems)}")
    module.load_state_dict(tensors)


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)
