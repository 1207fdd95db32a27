"""Scorers by name, and backbones from published files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from higan_cam.errors import WeightsError, unknown_name
from higan_cam.label.lighting import LightingScorer
from higan_cam.label.resnet import ResNet18
from higan_cam.label.statistics import STATISTICS
from higan_cam.types import Scorer
from higan_cam.weights import data_path, load_tensors

EMBEDDED = {"rooms": "rooms_scorer.safetensors"}


def load_scorer(name: str = "lighting", weights: str | Path = "rooms") -> Scorer:
    """A scorer ready for inference: eval mode, parameters frozen.

    Args:
        name: which network (see `SCORERS`).
        weights: `rooms` for the embedded file, or a path; statistics of the picture have none and do not look.

    Raises:
        ConfigError: for an unknown name.
        WeightsError: for a missing file, or keys and shapes that do not fit.
    """
    if name not in SCORERS:
        raise unknown_name("scorer.name", name, SCORERS)
    return SCORERS[name](data_path(EMBEDDED[str(weights)]) if str(weights) in EMBEDDED else Path(weights))


def lighting_scorer(path: Path) -> LightingScorer:
    """The CORAL lighting scorer from a safetensors file whose metadata holds its constructor arguments."""
    tensors, metadata = load_tensors(path)
    try:
        settings = json.loads(metadata["settings"])
        width, input_size = int(settings["width"]), int(settings["input_size"])
        if width < 1 or input_size < 1:
            raise ValueError(f"width {width} and input_size {input_size} must be >= 1")
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: no usable 'settings' in its metadata ({error}); expected a file written by jobs/train_scorer.py"
        ) from error
    scorer = LightingScorer(width=width, input_size=input_size)
    _load(scorer, tensors, path)
    return scorer.for_inference()


def load_places365_resnet18(path: str | Path) -> ResNet18:
    """The Places365 ResNet18 (365 classes) from its published layout, in eval mode.

    The file is {'epoch', 'arch', 'state_dict', 'best_prec1'} with keys prefixed `module.`; old files lack
    `num_batches_tracked`, which inference does not use. A bare state dict loads as well.

    Raises:
        WeightsError: for a missing or unsafe file, or keys and shapes that do not fit.
    """
    tensors, _ = load_tensors(Path(path))
    # Where best_prec1 is a tensor, the state dict is not alone in the file and keeps its name as a prefix.
    tensors.pop("best_prec1", None)
    stripped = {key.removeprefix("state_dict.").removeprefix("module."): value for key, value in tensors.items()}
    network = ResNet18(width=64, classes=365)
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    _load(network, {**counters, **stripped}, Path(path))
    return network.eval().requires_grad_(False)


def _load(module: LightingScorer | ResNet18, tensors: dict[str, Tensor], path: Path) -> None:
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


WEIGHTLESS = frozenset(STATISTICS)
"""Names of scorers that look at no file."""
SCORERS: dict[str, Callable[[Path], Scorer]] = {"lighting": lighting_scorer, **STATISTICS}
