"""The samples as a camera would take them: moved, exposed, balanced, spoilt. How each was taken is known.

The camera is that of `rooms.nuisances`, with wider bounds, since nobody's photos keep to them. A view depends on (seed,
step, row) alone. Shapes: n views, S side, pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.generate import from_uint8
from higan_cam.invert.camera import AT_REST, CAMERA
from higan_cam.rooms.nuisances import Nuisances, affine_of, falloff, levels, move, through_jpeg
from higan_cam.types import ByteArray, FloatArray

SHIFT, ZOOM = 6 / 128, 0.04
"""Largest shift to each side, picture widths, and largest change of size, either way."""
TONE, BALANCE, VIGNETTE, NOISE = 0.15, 0.08, 0.25, 6 / 255
"""Largest change of exposure and gamma, of a channel's gain; light lost in the corners; deviation of the noise."""
QUALITY, CODED = (60, 95), 0.6
"""JPEG qualities, and the share of the views that have been one."""
DRAWS = 14
"""Uniform numbers that a view takes."""
_NORMALS, _NOISE_SEED = 1 << 20, 16
_LEVELS = np.arange(256, dtype=np.float32) / 255


@dataclass(frozen=True, eq=False)
class Views:
    """Pictures (n,3,S,S) float32 in [-1,1], and the camera of each (n,8) float32 (`invert.camera.CAMERA`)."""

    pictures: Tensor
    cameras: Tensor


def view_draws(seed: int, step: int, batch: int) -> FloatArray:
    """(batch,DRAWS) uniform numbers of a step: those of all workers."""
    draws: FloatArray = np.random.Generator(np.random.Philox(key=[seed, step])).random((batch, DRAWS))
    return draws


def views_of(pictures: ByteArray, draws: FloatArray, untouched: float) -> Views:
    """(n,S,S,3) pictures and their (n,DRAWS) numbers -> views; a share of about `untouched` is the picture itself."""
    views, rows = [], []
    for picture, own in zip(pictures, draws, strict=True):
        taken = None if own[0] < untouched else nuisances_of(own[1:12])
        views.append(picture if taken is None else _taken(picture, taken, own[12], own[13] < CODED))
        rows.append(AT_REST if taken is None else columns_of(taken))
    return Views(from_uint8(np.stack(views)), torch.tensor(rows, dtype=torch.float32))


def nuisances_of(draws: FloatArray) -> Nuisances:
    """11 uniform numbers -> a camera, each part evenly within its bounds."""
    signed = 2 * draws - 1
    low, high = QUALITY
    return Nuisances(
        zoom=1 + ZOOM * signed[0],
        shift=(SHIFT * signed[1], SHIFT * signed[2]),
        exposure=1 + TONE * signed[3],
        gamma=1 + TONE * signed[4],
        balance=(1 + BALANCE * signed[5:8]).astype(np.float32),
        vignette=VIGNETTE * draws[8],
        noise=NOISE * draws[9],
        quality=low + int((high - low + 1) * draws[10]),
    )


def columns_of(taken: Nuisances) -> tuple[float, ...]:
    """A camera in the columns that an encoder predicts: what green gains is exposure."""
    red, green, blue = (float(gain) for gain in taken.balance)
    known = {
        "dx": taken.shift[0],
        "dy": taken.shift[1],
        "log_zoom": np.log(taken.zoom),
        "log_exposure": np.log(taken.exposure * green),
        "gamma": taken.gamma,
        "wb_r": red / green,
        "wb_b": blue / green,
        "vignette": taken.vignette,
    }
    return tuple(float(known[name]) for name in CAMERA)


def _taken(picture: ByteArray, taken: Nuisances, place: float, coded: bool) -> ByteArray:
    """As `rooms.nuisances.develop` of what `move` gives, but for tones, which are looked up before the move."""
    gains = np.sqrt(taken.exposure * taken.balance, dtype=np.float32)
    tones = (_LEVELS[:, None] * gains) ** np.float32(taken.gamma)
    shown = move(np.asarray(cv2.LUT(picture, tones[None]), np.float32), affine_of(taken, len(picture)))
    shown *= falloff(len(picture), taken.vignette)[..., None] ** np.float32(taken.gamma / 2)
    start = int(place * max(0, _NORMALS - shown.size))
    shown += np.float32(taken.noise) * np.resize(_normals()[start : start + shown.size], shown.shape)
    return through_jpeg(levels(shown), taken.quality) if coded else levels(shown)


@lru_cache(maxsize=1)
def _normals() -> FloatArray:
    """Standard normal numbers that every view takes its noise from, somewhere: drawing new ones would cost more."""
    draws: FloatArray = np.random.Generator(np.random.Philox(_NOISE_SEED)).standard_normal(_NORMALS, np.float32)
    return draws
