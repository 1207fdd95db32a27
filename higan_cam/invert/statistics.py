"""Where a generator's codes lie: mean and spread of every coordinate of w+, so that steps and distances have a unit.

Shapes: N batch, L rows of w+, D code dimension. A code in standard deviations is called white: (w+ - mean) / spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.types import FloatArray, Generator

SAMPLES = 20_000
SEED = 2**63 + 16
"""Of the latents behind the statistics; seeds of runs are below 2^63."""
BATCH = 1024
STILL = 1e-6
"""A coordinate that spreads less than this share of the widest one does not vary: it is rounding."""


@dataclass(frozen=True, eq=False)
class CodeStatistics:
    """Mean and spread of w+, row by row and after truncation, since that is where a found code lies.

    Attributes:
        mean: (L,D) float32, the mean code as the synthesis sees it.
        spread: (L,D) float32, standard deviations; exactly 0 where a coordinate does not vary, which freezes it: no
            code of the generator has another value there, so whatever the synthesis makes of one was never trained.
        samples: latents that were mapped.
    """

    mean: Tensor
    spread: Tensor
    samples: int

    @property
    def varies(self) -> Tensor:
        """(L,D) bool."""
        return self.spread > 0

    def white(self, w_plus: Tensor) -> Tensor:
        """(N,L,D) codes -> (N,L,D) in standard deviations from the mean; 0 where nothing varies."""
        return torch.where(self.varies, (w_plus - self.mean) / torch.where(self.varies, self.spread, 1), 0)

    def w_plus(self, white: Tensor) -> Tensor:
        """The way back: (N,L,D) -> (N,L,D) codes w+. Coordinates that do not vary are the mean's."""
        return self.mean + white * self.spread

    def to(self, device: torch.device | str) -> CodeStatistics:
        """The same on another device."""
        return CodeStatistics(self.mean.to(device), self.spread.to(device), self.samples)


@torch.no_grad()
def code_statistics(
    generator: Generator, *, samples: int = SAMPLES, device: torch.device | str = "cpu"
) -> CodeStatistics:
    """The statistics of `samples` mapped latents, the same ones every time; `device` is the generator's.

    Truncation scales a row's distance from the mean code by `edit_strength`, and with it the row's spread. Where a
    generator has no w, the codes are the latents as runs sample them.

    Raises:
        ValueError: samples below 2.
    """
    if samples < 2:
        raise ValueError(f"samples must be >= 2, got {samples}")
    latents = torch.from_numpy(statistics_latents(samples, generator.z_dim)).to(device)
    codes = torch.cat([generator.map(part).double() for part in latents.split(BATCH)])
    mean, spread = codes.mean(dim=0), codes.std(dim=0, correction=0)
    spread = torch.where(spread > STILL * spread.max(), spread, 0)
    strength = torch.tensor(generator.edit_strength, dtype=spread.dtype, device=spread.device)
    return CodeStatistics(generator.truncate(mean.float()[None])[0], (strength[:, None] * spread).float(), samples)


def statistics_latents(count: int, dim: int) -> FloatArray:
    """(count,dim) float32 standard normal latents, each scaled to length sqrt(dim), as a run's are."""
    draws = np.random.Generator(np.random.Philox(SEED)).standard_normal((count, dim))
    draws *= np.sqrt(dim) / np.linalg.norm(draws, axis=1, keepdims=True)
    latents: FloatArray = draws.astype(np.float32)
    return latents
