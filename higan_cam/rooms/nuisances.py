"""What a camera does to a picture of a room: where it stands, exposure, colour balance, vignette, noise, JPEG.

Pictures are (H,W,3) float32 display values in [0,1] unless said; light is linear where it adds or scales (display
squared, the renderer's own gamma 2). Every function is pure: the numbers come in, none are drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from higan_cam.types import BoolArray, ByteArray
from higan_cam.worlds.factors import Float32Array

Affine = npt.NDArray[np.float64]
"""(2,3): (x, y, 1) of a pixel's middle in the render -> (x, y) in the photo, pixels counted from 0 (as OpenCV's)."""
STILL: Affine = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much a camera may spoil. The defaults are those of photos of grade G2.

    Attributes:
        shift: largest to each side, picture widths. zoom: least and greatest enlargement.
        tone: largest change of exposure and of gamma. balance: of a channel's gain.
        vignette: most light that the corners lose. noise: least and greatest deviation. quality: of the JPEG.
    """

    shift: float = 4 / 128
    zoom: tuple[float, float] = (1.0, 1.04)
    tone: float = 0.10
    balance: float = 0.05
    vignette: float = 0.25
    noise: tuple[float, float] = (1 / 255, 5 / 255)
    quality: tuple[int, int] = (60, 90)


PHOTO = Bounds()


@dataclass(frozen=True, eq=False)
class Nuisances:
    """How one photo is taken.

    Attributes:
        zoom: enlargement about the picture's middle. shift: (x, y), picture widths.
        exposure: factor on linear light. gamma: power of the display value. balance: (3,) factors on linear RGB.
        vignette: share of the light that the corners lose. noise: deviation, of display values in [0,1].
        quality: of the JPEG, 0 to 100.
    """

    zoom: float
    shift: tuple[float, float]
    exposure: float
    gamma: float
    balance: Float32Array
    vignette: float
    noise: float
    quality: int


def draw_nuisances(source: np.random.Generator, bounds: Bounds = PHOTO) -> Nuisances:
    """Each evenly within its bounds."""
    return Nuisances(
        zoom=source.uniform(*bounds.zoom),
        shift=(source.uniform(-bounds.shift, bounds.shift), source.uniform(-bounds.shift, bounds.shift)),
        exposure=source.uniform(1 - bounds.tone, 1 + bounds.tone),
        gamma=source.uniform(1 - bounds.tone, 1 + bounds.tone),
        balance=source.uniform(1 - bounds.balance, 1 + bounds.balance, 3).astype(np.float32),
        vignette=source.uniform(0, bounds.vignette),
        noise=source.uniform(*bounds.noise),
        quality=int(source.integers(*bounds.quality, endpoint=True)),
    )


def affine_of(nuisances: Nuisances, size: int) -> Affine:
    """The move of a picture of `size` px that zoom and shift make."""
    middle, zoom = (size - 1) / 2, nuisances.zoom
    x, y = (middle - zoom * middle + size * by for by in nuisances.shift)
    return np.array([[zoom, 0.0, x], [0.0, zoom, y]])


def move(values: Float32Array, affine: Affine) -> Float32Array:
    """(H,W) or (H,W,C) -> the same moved, bilinear; what lies outside is as the nearest pixel of the border."""
    size = values.shape[1], values.shape[0]
    moved = cv2.warpAffine(values, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def move_masks(masks: BoolArray, affine: Affine) -> BoolArray:
    """(K,H,W) masks -> the same moved: a pixel is in where half of it is."""
    return np.stack([move(mask.astype(np.float32), affine) > 0.5 for mask in masks])


def develop(picture: Float32Array, nuisances: Nuisances, source: np.random.Generator) -> ByteArray:
    """All but the move: vignette, exposure and balance on linear light, gamma, noise, 8 bits, JPEG and back.

    Args:
        source: of the noise.
    """
    light = picture**2 * falloff(picture.shape[0], nuisances.vignette)[..., None]
    light *= nuisances.exposure * nuisances.balance
    shown = np.sqrt(light) ** nuisances.gamma
    noisy = shown + nuisances.noise * source.standard_normal(shown.shape, np.float32)
    return through_jpeg(levels(noisy), nuisances.quality)


def falloff(size: int, strength: float) -> Float32Array:
    """(size,size) share of the light that a vignette leaves: 1 in the middle, 1 - strength in the corners."""
    away = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    squares = (away[:, None] ** 2 + away[None, :] ** 2) / 2
    return (1 - strength * squares).astype(np.float32)


def levels(picture: Float32Array) -> ByteArray:
    """Display values -> the nearest of 256 levels; what is out of [0,1] is clipped."""
    nearest: ByteArray = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    return nearest


def through_jpeg(picture: ByteArray, quality: int) -> ByteArray:
    """(H,W,3) RGB -> what is left of it after a JPEG of this quality."""
    coded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)
