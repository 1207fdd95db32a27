"""Properties that are asked for: w = mapping(z) + gate * (f(p) - f(0)), with a gate that starts at 0.

So the first step draws what the generator drew before, to the bit, and a code without a condition asks for the mean of
every property. p is standardised by the training pictures and clipped. What makes the generator listen is a regression:
frozen scorers read p off its samples. A discriminator alone may ignore labels, since real pictures always match theirs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, DataError, WeightsError
from higan_cam.generate import from_uint8
from higan_cam.generate.base import LayeredGenerator
from higan_cam.label import load_scorer
from higan_cam.label.loading import scorer_files
from higan_cam.types import ByteArray, Scorer
from higan_cam.weights.embedded import EMBEDDED_SCORERS
from higan_cam.weights.files import encode_tensors, load_tensors, sha256_of
from higan_cam.weights.paths import with_network
from higan_cam.weights.state_dicts import fill, named_file
from higan_cam.weights.zoo import zoo

CONDITION = "condition.safetensors"
HIDDEN = 64
CLIP = 2.0
"""Largest p, in spreads of the training pictures."""
LEVELS = 65
"""Quantiles of the training pictures that are kept, to draw p from."""
MOST = 4096
"""Pictures whose properties are read, evenly over all."""
BATCH = 64


class Condition(nn.Module):
    """What asking for properties adds to a code.

    Parameters: `first`, `last` (dense layers) and `gate` (w_dim,). Buffers: `mean`, `spread` (P,) of the training
    pictures, `levels` (P,LEVELS) their standardised, clipped quantiles.
    """

    mean: Tensor
    spread: Tensor
    levels: Tensor

    def __init__(self, properties: int, w_dim: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(properties, HIDDEN), nn.Linear(HIDDEN, w_dim)
        self.gate = nn.Parameter(torch.zeros(w_dim))
        self.register_buffer("mean", torch.zeros(properties))
        self.register_buffer("spread", torch.ones(properties))
        self.register_buffer("levels", torch.zeros(properties, LEVELS))

    def forward(self, w: Tensor, asked: Tensor) -> Tensor:
        """(N,w_dim) codes, (N,P) standardised properties -> (N,w_dim)."""
        return w + self.gate * (self._drawn(asked) - self._drawn(torch.zeros_like(asked)))

    def standard(self, scores: Tensor) -> Tensor:
        """(N,P) scores -> 0 for the training pictures' mean, 1 for one spread above it."""
        return (scores - self.mean) / self.spread

    def drawn(self, draws: Tensor) -> Tensor:
        """(N,P) in [0,1) -> (N,P) to ask for, each property as often as training pictures have it, independently."""
        places = draws * (LEVELS - 1)
        low = places.floor().long().clamp(max=LEVELS - 2)
        below, above = (self.levels.gather(1, (low + step).T).T for step in (0, 1))
        return torch.lerp(below, above, places - low)

    def learn(self, scores: Tensor, names: Sequence[str]) -> None:
        """Take scale and quantiles from (N,P) scores of the training pictures. DataError: they are all alike."""
        spread, mean = torch.std_mean(scores, dim=0, correction=0)
        for name, each in zip(names, spread.tolist(), strict=True):
            if not each > 0:
                raise DataError(f"properties: the pictures do not differ in {name}; ask for another")
        self.mean.copy_(mean)
        self.spread.copy_(spread)
        shares = torch.linspace(0, 1, LEVELS, dtype=scores.dtype, device=scores.device)
        self.levels.copy_(self.standard(scores).clamp(-CLIP, CLIP).quantile(shares, dim=0).T)

    def _drawn(self, asked: Tensor) -> Tensor:
        found: Tensor = self.last(F.leaky_relu(self.first(asked), 0.2))
        return found


def scorers_of(properties: Sequence[str], device: str = "cpu") -> list[Scorer]:
    """Frozen scorers by NAME, or NAME=WEIGHTS. ConfigError, WeightsError: as `load_scorer`."""
    found = []
    for each in properties:
        name, _, weights = each.partition("=")
        scorer: Any = load_scorer(name, weights) if weights else load_scorer(name)
        found.append(cast(Scorer, scorer.to(device) if isinstance(scorer, nn.Module) else scorer))
    return found


def known_anywhere(properties: Sequence[str], digests: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same properties for a process in another working directory, and digests of their files, empty for none.

    Args:
        digests: of the files that training began with; empty before it began.

    Raises:
        ConfigError: a file is another one than then, or as `load_scorer`. WeightsError: a file is not there.
    """
    names, found = [], []
    for each in properties:
        name, _, weights = each.partition("=")
        files = scorer_files(ScorerConfig(name=name, weights=weights or "rooms"))
        path = files.get("weights")
        named = bool(weights) and weights not in EMBEDDED_SCORERS and str(named_file(weights)) not in zoo()
        names.append(f"{name}={with_network(path.resolve(), weights)}" if path is not None and named else each)
        found.append("" if path is None else sha256_of(path))
    for name, digest, before in zip(names, found, digests or found, strict=True):
        if digest != before:
            raise ConfigError(f"{name}: has changed since training began; take another output")
    return tuple(names), tuple(found)


def names_of(properties: Sequence[str]) -> list[str]:
    """The scorers' names without the files, which lie on this machine."""
    return [each.partition("=")[0] for each in properties]


def scores_of(scorers: Sequence[Scorer], images: Tensor) -> Tensor:
    """(N,3,H,W) in [-1,1] -> (N,P), differentiable."""
    return torch.stack([scorer.score(images) for scorer in scorers], dim=1)


@torch.no_grad()
def learn_condition(condition: Condition, properties: Sequence[str], pictures: ByteArray, device: str) -> None:
    """What the training pictures (N,S,S,3) are like. DataError: all alike in some property."""
    chosen = pictures[np.unique(np.linspace(0, len(pictures) - 1, MOST).astype(int))]
    scorers = scorers_of(properties, device)
    parts = [chosen[first : first + BATCH] for first in range(0, len(chosen), BATCH)]
    scores = torch.cat([scores_of(scorers, from_uint8(part).to(device)) for part in parts])
    condition.learn(scores, properties)


def encoded_condition(condition: Condition, properties: Sequence[str]) -> bytes:
    """The bytes of `condition.safetensors`, in float32, with the properties' names."""
    return encode_tensors(condition.state_dict(), {"properties": json.dumps(names_of(properties))})


def load_condition(path: str | Path) -> tuple[Condition, list[str]]:
    """A condition that training left, frozen, and the scorers' names whose readings it asks for.

    Which file a scorer had, say the digests beside the generator's settings. WeightsError: no such file.
    """
    tensors, notes = load_tensors(path)
    names: list[str] = json.loads(notes.get("properties", "[]"))
    if not names or "gate" not in tensors:
        raise WeightsError(f"{path}: not a condition that `higan-cam train gan --property` left")
    condition = Condition(len(names), len(tensors["gate"]))
    fill(condition, tensors, Path(path))
    return condition.eval().requires_grad_(False), names


@torch.no_grad()
def asked_codes(generator: LayeredGenerator, condition: Condition, z: Tensor, asked: Tensor) -> Tensor:
    """(N,z_dim) latents, (N,P) properties on their scorers' scales -> (N,L,w_dim) codes; beyond `CLIP` is cut off."""
    standard = condition.standard(asked).clamp(-CLIP, CLIP)
    return generator.truncate(condition(generator.map(z), standard))


def followed(asked: Tensor, got: Tensor) -> Tensor:
    """(P,P) correlation of what was asked for (rows) with what samples have (columns), from (N,P) each.

    The diagonal says how well a property is followed, the rest how much others move with it. 0 where nothing varies.
    """
    one, other = (values - values.mean(dim=0) for values in (asked, got))
    lengths = torch.outer(one.norm(dim=0), other.norm(dim=0))
    return torch.where(lengths > 0, (one.T @ other) / lengths.clamp(min=1e-12), torch.zeros_like(lengths))
