"""Hair by the formulas that OhLoRA published: how wavy it is (v3), and, for use in Python, colouring it (v4)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from higan_cam.errors import DataError
from higan_cam.label.properties.published import HAIR, SIDE, Value, check
from higan_cam.types import ByteArray, FloatArray

BLOCK = 4
NOT_FOUND = 0.45
"""What is published of a picture without a place where all blocks are hair."""
_CORNERS = ((0, 0), (8, 0), (0, -8), (0, 8), (3, 3), (11, 3), (3, -11), (3, 11))
"""(y, x) that must be hair. Of the left block it is x-11 that is tested, not its corner x-5."""


def hairstyle(labels: ByteArray, picture: ByteArray) -> Value:
    """How much more hair changes downwards than sideways, the mean over the lower half: higher is curlier.

    Around each pixel, m is the mean of the 4x4 block that begins there; v = |m - m 8 rows below|, h the larger of
    |m - m 8 columns to either side|; v / (h + 5).

    DataError: another size than 224x224.
    """
    check(labels, picture)
    hair = labels == HAIR
    y, x = (grid.ravel() for grid in np.mgrid[SIDE // 2 : SIDE - 11, 8 : SIDE - 11])
    # Three columns from the left edge, x-11 is a column at the right edge: as published.
    found = np.logical_and.reduce([hair[y + dy, x + dx] for dy, dx in _CORNERS])
    if not found.any():
        return Value(NOT_FOUND)
    y, x = y[found], x[found]
    mean = _block_means(picture.sum(axis=2, dtype=np.int64))
    here = mean[y, x]
    down = np.abs(here - mean[y + 8, x])
    sideways = np.maximum(np.abs(here - mean[y, x - 8]), np.abs(here - mean[y, x + 8]))
    return Value(float((down / (sideways + 5)).mean()))


def recolour_hair(
    picture: ByteArray, probability: FloatArray, colour: npt.ArrayLike, *, height: float, gradient: float
) -> ByteArray:
    """Hair in another colour from some height downwards, fading in (v4's "ombre").

    Args:
        picture: (H,W,3) uint8.
        probability: (H,W) of hair, in [0,1].
        colour: (3,) in 0..255.
        height: share of the hair's height, from its lowest row up, that is coloured, in [0,1].
        gradient: share of that over which the colour fades in, in [0,1].

    Returns:
        (H,W,3) uint8; the picture itself where there is no hair.

    Raises:
        DataError: sizes that do not fit, or a share outside [0,1].
    """
    if picture.shape != (*probability.shape, 3) or not (0 <= height <= 1 and 0 <= gradient <= 1):
        raise DataError(
            f"hair of a picture {picture.shape} with probabilities {probability.shape}, height {height}, gradient "
            f"{gradient}: expected (H,W,3), (H,W) and two shares from 0 to 1"
        )
    amount = np.clip(4 * (255 * probability - 191.25), 0, 255) / 255
    rows = np.flatnonzero(amount.max(axis=1) >= 0.75)
    if not len(rows):
        return picture.copy()
    top, bottom = int(rows[0]), int(rows[-1])
    start = top + (bottom - top) * (1 - height)
    below = np.arange(len(picture)) - start
    fade = np.clip(below / max((bottom - start) * gradient, 1e-9), 0, 1)
    weight = (amount * fade[:, None])[..., None]
    coloured = np.clip(1.35 * picture + 0.25 * np.asarray(colour, np.float64) - 38.25, 0, 255)
    mixed: ByteArray = np.round((1 - weight) * picture + weight * coloured).astype(np.uint8)
    return mixed


def _block_means(total: npt.NDArray[np.int64]) -> FloatArray:
    """(H,W) sums of the channels -> (H-3,W-3) means of the blocks that begin at each pixel."""
    blocks = np.lib.stride_tricks.sliding_window_view(total, (BLOCK, BLOCK)).sum(axis=(2, 3))
    means: FloatArray = blocks / (3 * BLOCK**2)
    return means
