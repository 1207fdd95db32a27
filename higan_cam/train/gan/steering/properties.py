"""Scorers whose readings can be asked for, NAME[:TARGET][=WEIGHTS]: how they are named, loaded, told apart, and read.

A scorer that looks for parts reads NaN where it finds none: such a sample teaches nothing, and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError
from higan_cam.label import make_scorer, score_by_all
from higan_cam.label.loading import scorer_files
from higan_cam.types import Scorer
from higan_cam.weights.embedded import EMBEDDED_SCORERS, EMBEDDED_SEGMENTERS
from higan_cam.weights.files import sha256_of
from higan_cam.weights.paths import with_network
from higan_cam.weights.state_dicts import named_file
from higan_cam.weights.zoo import zoo

TRIED = 64
"""Side of the picture on which slopes are looked for before training, px."""


def scorers_of(properties: Sequence[str], device: str = "cpu") -> list[Scorer]:
    """Frozen scorers, by one segmenter where they look with the same. ConfigError, WeightsError: as `make_scorer`."""
    found: list[Scorer] = []
    for each in properties:
        try:
            scorer: Any = make_scorer(_config(each), found)
        except ConfigError as error:
            raise ConfigError(f"property {each!r}: {error}") from error
        found.append(cast(Scorer, scorer.to(device) if isinstance(scorer, nn.Module) else scorer))
    return found


def check_slopes(properties: Sequence[str]) -> None:
    """ConfigError: a scorer does not say how a picture has to change. Else as `scorers_of`."""
    picture = torch.zeros(1, 3, TRIED, TRIED, requires_grad=True)
    for name, scores in zip(properties, score_by_all(scorers_of(properties), picture), strict=True):
        if not scores.requires_grad:
            raise ConfigError(
                f"property {name!r}: its scores have no slope, so training cannot follow them; take a network of "
                "PyTorch's (.safetensors, TorchScript) in place of an ONNX file"
            )


def known_anywhere(properties: Sequence[str], digests: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same properties for a process in another working directory, and digests of their files, empty for none.

    Args:
        digests: of the files that training began with; empty before it began.

    Raises:
        ConfigError: a file is another one than then, or as `make_scorer`. WeightsError: a file is not there.
    """
    names, found = [], []
    for each in properties:
        name, _, weights = each.partition("=")
        files = scorer_files(_config(each))
        path = files.get("weights")
        embedded = weights in EMBEDDED_SCORERS or weights in EMBEDDED_SEGMENTERS
        named = bool(weights) and not embedded and str(named_file(weights)) not in zoo()
        names.append(f"{name}={with_network(path.resolve(), weights)}" if path is not None and named else each)
        found.append("+".join(map(sha256_of, files.values())))
    for name, digest, before in zip(names, found, digests or found, strict=True):
        if digest != before:
            raise ConfigError(f"{name}: has changed since training began; take another output")
    return tuple(names), tuple(found)


def names_of(properties: Sequence[str]) -> list[str]:
    """The scorers' names and targets without the files, which lie on this machine."""
    return [each.partition("=")[0] for each in properties]


def scores_of(scorers: Sequence[Scorer], images: Tensor) -> Tensor:
    """(N,3,H,W) in [-1,1] -> (N,P), differentiable; NaN where a property is not defined."""
    return torch.stack(score_by_all(scorers, images), dim=1)


def missed(got: Tensor, asked: Tensor) -> Tensor:
    """Mean squared difference of (N,P); what could not be read counts as met, so it has no slope."""
    known = ~got.isnan()
    return torch.where(known, got.nan_to_num() - asked, 0).square().mean()


def followed(asked: Tensor, got: Tensor) -> Tensor:
    """(P,P) correlation of what was asked for (rows) with what samples have (columns), from (N,P) each.

    The diagonal says how well a property is followed, the rest how much others move with it. Samples that could not be
    read are left out of their column. 0 where nothing varies.
    """
    columns = [_correlations(asked, column) for column in got.T]
    return torch.stack(columns, dim=1)


def _correlations(asked: Tensor, got: Tensor) -> Tensor:
    """(P,) of (N,P) with (N,)."""
    known = ~got.isnan()
    if not known.any():
        return asked.new_zeros(asked.shape[1])
    one, other = (values[known] - values[known].mean(dim=0) for values in (asked, got))
    lengths = one.norm(dim=0) * other.norm()
    return torch.where(lengths > 0, (one.T @ other) / lengths.clamp(min=1e-12), torch.zeros_like(lengths))


def _config(each: str) -> ScorerConfig:
    name, _, weights = each.partition("=")
    name, _, target = name.partition(":")
    return ScorerConfig(name=name, weights=weights or "rooms", target=target or None)
