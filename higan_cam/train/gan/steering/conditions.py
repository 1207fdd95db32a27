"""Properties that are asked for: w = mapping(z) + R (gate * (f(p) - f(0))), with a gate that starts at 0.

R is the square root of the codes' covariance when training began: what is added goes where codes go, and nowhere else.
Without it a third of it went where no code does, and other things moved (this room's README).

So the first step draws what the generator drew before, to the bit, and a code without a condition asks for the mean of
every property. p is standardised by the training pictures and clipped. What makes the generator listen is a regression:
frozen scorers read p off its samples. A discriminator alone may ignore labels, since real pictures always match theirs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import DataError, WeightsError
from higan_cam.generate import from_uint8
from higan_cam.generate.base import LayeredGenerator
from higan_cam.train.gan.steering.properties import names_of, scorers_of, scores_of
from higan_cam.types import ByteArray
from higan_cam.weights.files import encode_tensors, load_tensors
from higan_cam.weights.state_dicts import fill

log = logging.getLogger(__name__)

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
    pictures, `levels` (P,LEVELS) their standardised, clipped quantiles; `reach` (w_dim,w_dim), R above.
    """

    mean: Tensor
    spread: Tensor
    levels: Tensor
    reach: Tensor

    def __init__(self, properties: int, w_dim: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(properties, HIDDEN), nn.Linear(HIDDEN, w_dim)
        self.gate = nn.Parameter(torch.zeros(w_dim))
        self.register_buffer("mean", torch.zeros(properties))
        self.register_buffer("spread", torch.ones(properties))
        self.register_buffer("levels", torch.zeros(properties, LEVELS))
        self.register_buffer("reach", torch.eye(w_dim))

    def forward(self, w: Tensor, asked: Tensor) -> Tensor:
        """(N,w_dim) codes, (N,P) standardised properties -> (N,w_dim)."""
        return w + (self.gate * (self._drawn(asked) - self._drawn(torch.zeros_like(asked)))) @ self.reach

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
        """Take scale and quantiles from (N,P) scores of the training pictures; NaN counts in none.

        DataError: they are all alike in a property, or it is read in fewer than two of them.
        """
        known = ~scores.isnan()
        mean = scores.nanmean(dim=0)
        spread = (scores - mean).square().nanmean(dim=0).sqrt()
        for name, each, count in zip(names, spread.tolist(), known.sum(dim=0).tolist(), strict=True):
            if count < 2:
                raise DataError(f"properties: {name} can be read in {count} of {len(scores)} pictures; ask for another")
            if not each > 0:
                raise DataError(f"properties: the pictures do not differ in {name}; ask for another")
            if count < len(scores):
                log.warning("%s: cannot be read in %d of %d pictures", name, len(scores) - count, len(scores))
        self.mean.copy_(mean)
        self.spread.copy_(spread)
        shares = torch.linspace(0, 1, LEVELS, dtype=scores.dtype, device=scores.device)
        self.levels.copy_(self.standard(scores).clamp(-CLIP, CLIP).nanquantile(shares, dim=0).T)

    def stay_near(self, w: Tensor) -> None:
        """Add only what is like the differences between these (N,w_dim) codes, most where they differ most."""
        values, vectors = torch.linalg.eigh(w.double().T.cov())
        self.reach.copy_((vectors * values.clamp(min=0).sqrt()) @ vectors.T)

    def _drawn(self, asked: Tensor) -> Tensor:
        found: Tensor = self.last(F.leaky_relu(self.first(asked), 0.2))
        return found


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
