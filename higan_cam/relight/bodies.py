"""Lamps to put into a picture: one drawn here, and cutouts that people bring."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from higan_cam.pictures import Unreadable, decode_picture
from higan_cam.pictures.decoding import MAX_PIXELS
from higan_cam.types import ByteArray

_SIDE, _FINER = 256, 4
_SHADE, _SHADE_EDGE, _METAL = (236, 226, 205), (206, 192, 166), (74, 70, 66)


@cache
def drawn_lamp() -> ByteArray:
    """(256,256,4) uint8 RGBA: a table lamp that is off, drawn four times as large and averaged."""
    side = _SIDE * _FINER
    colour = np.zeros((side, side, 3), np.float32)
    alpha = np.zeros((side, side), np.uint8)

    def polygon(points: list[tuple[float, float]], paint: tuple[int, int, int]) -> None:
        corners = np.rint(np.array(points) * side).astype(np.int32)
        for canvas, value in ((colour, paint), (alpha, 255)):
            cv2.fillPoly(canvas, [corners], value)

    polygon([(0.475, 0.5), (0.525, 0.5), (0.525, 0.9), (0.475, 0.9)], _METAL)
    polygon([(0.33, 0.96), (0.67, 0.96), (0.6, 0.9), (0.4, 0.9)], _METAL)
    shade = [(0.34, 0.08), (0.66, 0.08), (0.84, 0.56), (0.16, 0.56)]
    polygon(shade, _SHADE)
    polygon([(0.16, 0.56), (0.84, 0.56), (0.828, 0.528), (0.172, 0.528)], _SHADE_EDGE)
    polygon([(0.34, 0.08), (0.66, 0.08), (0.668, 0.102), (0.332, 0.102)], _SHADE_EDGE)
    _rounded(colour, alpha)
    whole = np.dstack([colour * (alpha[..., None] / 255), alpha.astype(np.float32)])
    small = cv2.resize(whole, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    covered = np.maximum(small[..., 3:], 1e-6) / 255
    return np.dstack([np.rint(np.clip(small[..., :3] / covered, 0, 255)), np.rint(small[..., 3])]).astype(np.uint8)


def read_lamp(content: bytes, most_pixels: int = MAX_PIXELS) -> ByteArray | str:
    """A file with a lamp cut out -> (h,w,4) uint8 RGBA, cropped to what is not transparent; or why it is none.

    The one reader of pictures lays what is transparent on a background. On black and on white it shows c a and
    c a + 255 (1 - a): which gives both back, colours to half a level over a.
    """
    on_black = decode_picture(content, (0, 0, 0), most_pixels)
    on_white = decode_picture(content, (255, 255, 255), most_pixels)
    if isinstance(on_black, Unreadable) or isinstance(on_white, Unreadable):
        return on_black.reason if isinstance(on_black, Unreadable) else "cannot be read twice"
    black, white = on_black.image.astype(np.int32), on_white.image.astype(np.int32)
    alpha = np.clip(255 - (white - black).max(axis=-1), 0, 255)
    if alpha.min() == 255:
        return "has nothing transparent: cut the lamp out first, and save it as PNG or WebP with transparency"
    if not (alpha >= 128).any():
        return "is transparent everywhere: there is no lamp to be seen"
    colour = np.clip(np.rint(black * 255 / np.maximum(alpha, 1)[..., None]), 0, 255)
    rows, columns = (np.flatnonzero((alpha > 0).any(axis=axis)) for axis in (1, 0))
    inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return np.dstack([colour, alpha])[inside].astype(np.uint8)


def encode_lamp(lamp: ByteArray) -> bytes:
    """(h,w,4) uint8 RGBA -> PNG."""
    done, body = cv2.imencode(".png", cv2.cvtColor(lamp, cv2.COLOR_RGBA2BGRA))
    if not done:
        raise ValueError(f"OpenCV cannot encode {lamp.shape} {lamp.dtype} as PNG")
    return body.tobytes()


def _rounded(colour: np.ndarray[tuple[int, ...], np.dtype[np.float32]], alpha: ByteArray) -> None:
    """Darker towards the sides, as something round is."""
    side = len(alpha)
    across = np.abs(np.arange(side, dtype=np.float32) / side - 0.5)
    colour *= (1 - 1.2 * across**2)[None, :, None]
