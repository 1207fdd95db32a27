"""A generator's own samples, whose codes are known: each depends on (seed, number) alone.

Shapes: n samples, L rows of w+, D code dimension, S side of the pictures, pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from higan_cam.errors import ConfigError
from higan_cam.generate import sample_latents, to_uint8
from higan_cam.invert.encoder import reduced
from higan_cam.invert.statistics import CodeStatistics
from higan_cam.types import Boundary, ByteArray, FloatArray, Generator, IntArray

TRAINING_SEED, HELD_OUT_SEED = 2**60, 2**61 + 16
"""Seeds of latents: the first plus the run's own, and one that no training uses. Seeds of runs are small."""
BATCH = 16
_PUSH = 1
"""Stream of random numbers beside the latent's own, 0."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Codes in standard deviations, the same in every row, (n,D) float32; pictures (n,S,S,3) uint8."""

    white: FloatArray
    pictures: ByteArray

    def __len__(self) -> int:
        return len(self.white)

    def take(self, rows: IntArray) -> Samples:
        """Those at `rows`, in that order."""
        return Samples(self.white[rows], self.pictures[rows])


@dataclass(frozen=True, eq=False)
class Source:
    """What samples are drawn from: a generator with its statistics, and (D,) a boundary's step in standard deviations
    per code unit, or None.
    """

    generator: Generator
    statistics: CodeStatistics
    direction: FloatArray | None = None

    @property
    def widest(self) -> int:
        """The row of w+ that varies most: truncation may have left nothing of others."""
        return int(self.statistics.spread.sum(dim=1).argmax())


def direction_of(boundary: Boundary, generator: Generator, statistics: CodeStatistics) -> FloatArray:
    """(D,) what a code unit along the boundary is, in standard deviations; 0 where nothing varies.

    ConfigError: a boundary of another generator, or one before the mapping network.
    """
    if len(boundary.normal) != generator.w_dim or (boundary.space == "z" and generator.num_layers > 1):
        raise ConfigError(
            f"boundary {boundary.attribute!r} lies in {boundary.space} of {len(boundary.normal)} numbers; this "
            f"generator's codes have {generator.w_dim}: fit one on it, in w"
        )
    row = int(statistics.spread.sum(dim=1).argmax())
    spread = statistics.spread[row].cpu().numpy() / generator.edit_strength[row]
    steps: FloatArray = np.divide(boundary.normal, spread, out=np.zeros_like(spread), where=spread > 0)
    return steps


@torch.no_grad()
def draw_samples(
    source: Source, numbers: Sequence[int], *, seed: int, side: int, pushed: float = 0.0, push: float = 0.0
) -> Samples:
    """The samples with these numbers of a seed, reduced to `side` px.

    Args:
        pushed: share of them that is pushed away from where the generator's codes lie, along the boundary or, every
            other time or without one, in a random direction.
        push: how far at most, to either side: code units along the boundary, standard deviations elsewhere.
    """
    parts = [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]
    codes, pictures = zip(*(_drawn(source, part, seed, side, (pushed, push)) for part in parts), strict=True)
    return Samples(np.concatenate(codes), np.concatenate(pictures))


def _drawn(
    source: Source, numbers: Sequence[int], seed: int, side: int, pushes: tuple[float, float]
) -> tuple[FloatArray, ByteArray]:
    generator, statistics = source.generator, source.statistics
    z = torch.from_numpy(sample_latents(numbers, seed, generator.z_dim)).to(statistics.mean.device)
    white = statistics.white(generator.truncate(generator.map(z)))[:, source.widest]
    steps = np.stack([_step(source, seed, number, *pushes) for number in numbers])
    white = white + torch.from_numpy(steps).to(white)
    image = generator.synthesize(statistics.w_plus(white[:, None]))[0].clamp(-1, 1)
    return white.cpu().numpy(), to_uint8(reduced(image, side))


def _step(source: Source, seed: int, number: int, share: float, most: float) -> FloatArray:
    """(D,) how far a sample is pushed, in standard deviations."""
    draws = np.random.Generator(np.random.Philox(counter=[0, 0, 0, _PUSH], key=[seed, number]))
    chosen, along, distance = draws.random(3)
    varies = source.statistics.varies[source.widest].cpu().numpy()
    if chosen >= share:
        return np.zeros(len(varies), np.float32)
    direction = draws.standard_normal(len(varies)) * varies
    direction /= np.linalg.norm(direction)
    if source.direction is not None and along < 0.5:
        direction = source.direction.astype(np.float64)
    step: FloatArray = ((2 * distance - 1) * most * direction).astype(np.float32)
    return step
