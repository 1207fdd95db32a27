"""The student's network: a small U-Net, picture in, logits of heat and mask at half its side."""

from __future__ import annotations

from collections.abc import Sequence

from higan_cam.weights.u_net import SHRINK, UNet

__all__ = ["CHANNELS", "HEAT", "MASK", "SHRINK", "StudentNetwork"]
CHANNELS = (24, 48, 96, 192)
"""Features of each level; 1.09 M parameters."""
HEAT, MASK = 0, 1
"""Which output is which."""


class StudentNetwork(UNet):
    """(N,3,S,S) in [-1,1] -> (N,2,S/2,S/2) logits of heat and of mask; S divides by 2 to the number of levels.

    Args:
        channels: features of each level, from the largest side down; two levels or more.

    Raises:
        ConfigError: fewer than two levels, or a level without a feature.
    """

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__(channels, outputs=2)
