"""Normalisation by statistics over the picture, which can be taken of one look at it and used in others.

A picture that is looked at in pieces is then normalised as one, whatever the pieces.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 8
EPSILON = 1e-5


class Statistics:
    """Means and standard deviations of every normalisation of a look, in order: the first look takes them, looks after
    `again` use them."""

    def __init__(self) -> None:
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._next: int | None = None

    def again(self) -> Statistics:
        """These statistics, for a look of the same network at another piece."""
        other = Statistics()
        other._kept, other._next = self._kept, 0
        return other

    def of(self, grouped: Tensor) -> tuple[Tensor, Tensor]:
        """(N,G,C/G,h,w) -> (N,G,1,1,1) mean and standard deviation: its own, or those that were taken."""
        if self._next is not None:
            self._next += 1
            return self._kept[self._next - 1]
        variance, mean = torch.var_mean(grouped, dim=(2, 3, 4), correction=0, keepdim=True)
        self._kept.append((mean, (variance + EPSILON).sqrt()))
        return self._kept[-1]


class Norm(nn.GroupNorm):
    """Group normalisation (Wu and He 2018, arXiv:1803.08494), by statistics of its own or by those of another look."""

    def forward(self, x: Tensor, statistics: Statistics | None = None) -> Tensor:
        """(N,C,h,w) -> the same."""
        # PyTorch's own refuses groups of one value: a deep channel of a tiny picture, which is then its bias.
        if statistics is None and x[0].numel() > self.num_groups:
            return F.group_norm(x, self.num_groups, self.weight, self.bias, EPSILON)
        statistics = statistics or Statistics()
        count, channels, height, width = x.shape
        grouped = x.reshape(count, self.num_groups, channels // self.num_groups, height, width)
        mean, deviation = statistics.of(grouped)
        normal = ((grouped - mean) / deviation).reshape(x.shape)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


NORMS: dict[str, Callable[[int], Norm]] = {
    "group": lambda channels: Norm(min(GROUPS, channels), channels, EPSILON),
    "instance": lambda channels: Norm(channels, channels, EPSILON),
}
"""Name -> (channels -> module); neither behaves otherwise in training than after it."""
