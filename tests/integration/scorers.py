"""Scorers that a user might have written, importable on Ray's workers."""

from __future__ import annotations

from torch import Tensor

PROBE_SIDE = 64


class DaylightShare:
    """An object attribute of the rooms: the share of the picture that is bright sky, softly counted."""

    def score(self, image: Tensor) -> Tensor:
        red, _, blue = image.clamp(-1, 1).unbind(1)
        sky = ((blue - 0.2) * 6).sigmoid() * ((blue - red) * 12).sigmoid()
        return sky.mean(dim=(1, 2))


class Brittle:
    """Scores the two pictures that every class is tried on, and nothing else."""

    def score(self, image: Tensor) -> Tensor:
        if image.shape[-1] != PROBE_SIDE:
            raise ArithmeticError("this picture is beyond me")
        return image.mean(dim=(1, 2, 3))
