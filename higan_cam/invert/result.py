"""What inversion found: the code of each picture, and how far to trust it.

Shapes: N pictures, L rows of w+, D code dimension, S side of the image in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, Literal

import numpy as np

from higan_cam.types import FloatArray, IntArray

Verdict = Literal["ok", "poor"]


@dataclass(frozen=True, eq=False)
class Inversion:
    """The codes of N pictures. Figures compare the picture with what the generator draws from the code, clamped.

    Attributes:
        w_plus: (N,L,D) float32, after truncation.
        psnr: (N,) dB over the pixels that the generator can see (all of them without alignment); 99 at most.
        feature_distance: (N,) distance of the scorer's features, see `figures.feature_distance`; NaN without features.
        score_picture, score: (N,) the scorer's of the picture and of its reconstruction; NaN without a scorer.
        distance: (N,) root mean square of the code in standard deviations of each coordinate: about 1 for a sample of
            the generator, 0 for the mean code. Far above 1 the code is where the generator was never trained.
        delta: (N,) mean square difference of the rows from their mean, likewise in standard deviations: 0 for a sample.
        best_step, steps: (N,) int, the update whose code was kept, and updates made.
        camera: (N,8) float32, how the picture was taken (`camera.CAMERA`); at rest without alignment.
        verdict, reason: (N,) ok or poor, and why poor ("" where ok).
    """

    w_plus: FloatArray
    psnr: FloatArray
    feature_distance: FloatArray
    score_picture: FloatArray
    score: FloatArray
    distance: FloatArray
    delta: FloatArray
    best_step: IntArray
    steps: IntArray
    camera: FloatArray
    verdict: tuple[Verdict, ...]
    reason: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.w_plus)


def joined(parts: Sequence[Inversion]) -> Inversion:
    """Several batches as one, in order. ValueError: no part."""
    if not parts:
        raise ValueError("needs at least one part")
    columns: dict[str, Any] = {}
    for each in fields(Inversion):
        values = [getattr(part, each.name) for part in parts]
        columns[each.name] = tuple(chain(*values)) if isinstance(values[0], tuple) else np.concatenate(values)
    return Inversion(**columns)
