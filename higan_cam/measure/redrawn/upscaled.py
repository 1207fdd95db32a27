"""An upscaler against pictures at the large size, beside bicubic enlargement of the same small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from higan_cam.generate.images import from_uint8, to_uint8
from higan_cam.measure.light.relit import psnr
from higan_cam.measure.values import estimate_means
from higan_cam.redraw.network import enlarged, shrunk
from higan_cam.redraw.upscaler import Upscaler, upscale
from higan_cam.types import ByteArray, FloatArray, Interval

EDGES = 0.1
"""Share of a picture's pixels, those of the steepest levels, that are its edges."""


@dataclass(frozen=True)
class UpscaledResult:
    """Means over pictures with 95% intervals.

    Attributes:
        figures: of the upscaler and, as `bicubic_…`, of bicubic enlargement: psnr (dB), edges (`edge_error`); gain (dB
            more than bicubic, picture by picture).
        worst: the gain that 5% of the pictures do not reach.
    """

    count: int
    scale: int
    figures: dict[str, Interval]
    worst: float


def measure_upscaler(upscaler: Upscaler, pictures: Sequence[ByteArray], kernel: str) -> UpscaledResult:
    """On (H,W,3) uint8 pictures whose sides divide by the scale, shrunk by this kernel first."""
    columns: dict[str, list[float]] = {}
    for true in pictures:
        small = to_uint8(shrunk(from_uint8(true[None]), upscaler.scale, kernel))[0]
        row = {
            f"{name}{figure}": value
            for name, made in (("", upscale(upscaler, small)), ("bicubic_", bicubic(small, upscaler.scale)))
            for figure, value in (("psnr", psnr(made, true)), ("edges", edge_error(made, true)))
        }
        for figure, value in {**row, "gain": row["psnr"] - row["bicubic_psnr"]}.items():
            columns.setdefault(figure, []).append(value)
    values = {name: np.array(column) for name, column in columns.items()}
    worst = float(np.percentile(values["gain"], 5))
    return UpscaledResult(len(pictures), upscaler.scale, estimate_means(values, seed=0), worst)


@torch.no_grad()
def bicubic(small: ByteArray, scale: int) -> ByteArray:
    """(h,w,3) uint8 -> (scale h,scale w,3)."""
    made: ByteArray = to_uint8(enlarged(from_uint8(small[None]), scale))[0]
    return made


def edge_error(made: ByteArray, true: ByteArray) -> float:
    """How far slopes are from the true ones at the true picture's edges, over how steep these are; 0: the same edges.

    Slopes are differences of neighbours in x and in y of grey levels; a picture without any slope has 0.
    """
    slopes = [_slopes(each) for each in (made, true)]
    steep = np.hypot(*slopes[1])
    edges = steep >= np.quantile(steep, 1 - EDGES)
    height = float(steep[edges].mean())
    off = np.hypot(slopes[0][0] - slopes[1][0], slopes[0][1] - slopes[1][1])
    return float(off[edges].mean()) / height if height > 0 else 0.0


def _slopes(picture: ByteArray) -> tuple[FloatArray, FloatArray]:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return grey[:-1, 1:] - grey[:-1, :-1], grey[1:, :-1] - grey[:-1, :-1]
