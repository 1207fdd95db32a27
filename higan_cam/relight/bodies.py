"""Lamps as they are seen, cut out of their background: what people bring."""

from __future__ import annotations

import numpy as np

from higan_cam.pictures import Unreadable, decode_picture
from higan_cam.types import ByteArray

_SEEN = 128
"""Alpha from which on a pixel is there."""


def cut_out(content: bytes) -> ByteArray | str:
    """A file with a lamp cut out -> (h,w,4) uint8 RGBA, cropped to what is not transparent; or why it is none.

    The one reader of pictures lays what is transparent on a background. On black and on white it shows c a and
    c a + 255 (1 - a): which gives both back, colours to half a level over a.
    """
    on_black, on_white = decode_picture(content, (0, 0, 0)), decode_picture(content, (255, 255, 255))
    if isinstance(on_black, Unreadable) or isinstance(on_white, Unreadable):
        return f"cannot be read: {on_black.reason if isinstance(on_black, Unreadable) else 'a second time'}"
    black, white = on_black.image.astype(np.int32), on_white.image.astype(np.int32)
    alpha = np.clip(255 - (white - black).max(axis=-1), 0, 255)
    if alpha.min() == 255:
        return "has nothing transparent: cut the lamp out first, and save it as PNG or WebP with transparency"
    if not (alpha >= _SEEN).any():
        return "is transparent everywhere: there is no lamp to be seen"
    colour = np.clip(np.rint(black * 255 / np.maximum(alpha, 1)[..., None]), 0, 255)
    rows, columns = (np.flatnonzero((alpha > 0).any(axis=axis)) for axis in (1, 0))
    inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return np.dstack([colour, alpha])[inside].astype(np.uint8)
