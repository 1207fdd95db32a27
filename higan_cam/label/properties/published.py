"""Properties of a face from its label map, by the formulas that OhLoRA published (v1, v2), with their faults.

A label map is (224,224) uint8: 0 background, 1 skin, 2 and 3 brows, 4 the eye on the picture's left, 5 the one on its
right, 6 nose, 7 upper lip, 8 inner mouth, 9 lower lip, 10 hair. Its picture is (224,224,3) uint8 of the same crop; g is
the mean of a pixel's three channels, the extent of a set of pixels the last row that holds one minus the first.

Where the published code gave None, NaN, infinity or an exception, the value here is NaN and says why. What is wrong
with the formulas, and what is measured instead: this room's README.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from higan_cam.errors import DataError
from higan_cam.types import BoolArray, ByteArray, FloatArray

SIDE = 224
"""Rows and columns of the maps that the published formulas count in."""
EYE_ROWS = slice(56, 168)
EYE_ROWS_V1 = slice(56, 140)
"""v1 scans 84 of the window's 112 rows."""
LEFT_EYE_COLUMNS, RIGHT_EYE_COLUMNS = slice(0, 168), slice(56, 224)
LEFT_EYE, RIGHT_EYE, NOSE, UPPER_LIP, MOUTH, LOWER_LIP, HAIR = 4, 5, 6, 7, 8, 9, 10
NO_BACKGROUND = 192.0
"""What is published of a picture without any background."""
NO_HAIR_COLOR = 127.5
HAIRY = 20
"""Hair pixels from which on v2 counts a row."""


@dataclass(frozen=True)
class Value:
    """A property of one picture: a finite value, or NaN with the reason why it has none."""

    value: float
    reason: str = ""

    @property
    def valid(self) -> bool:
        """Whether there is a value."""
        return not self.reason


def properties_v1(labels: ByteArray, picture: ByteArray) -> dict[str, Value]:
    """eyes, hair_color, hair_length, mouth, pose, background_mean and background_std, the first version.

    DataError: another size than 224x224, or a map and a picture of different sizes.
    """
    check(labels, picture)
    hair, brightness = labels == HAIR, grey(picture)
    eyes = _extent(_eye(labels, LEFT_EYE, EYE_ROWS_V1)) + _extent(_eye(labels, RIGHT_EYE, EYE_ROWS_V1))
    mouth = _extent((labels == UPPER_LIP) | (labels == LOWER_LIP)) + _extent(labels == MOUTH)
    return {
        "eyes": Value(eyes / 2),
        "hair_color": Value(float(np.median(brightness[hair]))) if hair.any() else _missing("no hair"),
        "hair_length": _lowest_hair(hair),
        "mouth": Value(float(mouth)),
        "pose": _nose_slant(labels == NOSE),
        **background(labels, brightness),
    }


def properties_v2(labels: ByteArray, picture: ByteArray) -> dict[str, Value]:
    """The same names, the second version. DataError: as `properties_v1`."""
    check(labels, picture)
    hair, brightness = labels == HAIR, grey(picture)
    lips, inner = np.isin(labels, (UPPER_LIP, MOUTH, LOWER_LIP)).sum(), (labels == MOUTH).sum()
    kept = np.sort(brightness[hair])
    kept = kept[int(0.1 * len(kept)) : int(0.9 * len(kept))]
    return {
        "eyes": Value(max(_tallest_column(_eye(labels, eye, EYE_ROWS)) for eye in (LEFT_EYE, RIGHT_EYE))),
        "hair_color": Value(float(kept.mean()) if len(kept) else NO_HAIR_COLOR),
        "hair_length": Value(_hairy_rows(hair)),
        "mouth": Value(float(inner / lips) if lips else 0.0),
        "pose": _eye_line(labels),
        **background(labels, brightness),
    }


def background(labels: ByteArray, brightness: FloatArray) -> dict[str, Value]:
    """Mean and population deviation of g over the upper half's background without its extreme twentieths."""
    half = len(labels) // 2
    ordered = np.sort(brightness[:half][labels[:half] == 0])
    if not len(ordered):
        return {"background_mean": Value(NO_BACKGROUND), "background_std": Value(0.0)}
    kept = ordered[int(0.05 * len(ordered)) : int(0.95 * len(ordered))] if len(ordered) > 1 else ordered
    return {"background_mean": Value(float(kept.mean())), "background_std": Value(float(kept.std()))}


def check(labels: ByteArray, picture: ByteArray) -> None:
    """DataError: another size than the published formulas count in."""
    if labels.shape != (SIDE, SIDE) or picture.shape != (SIDE, SIDE, 3):
        raise DataError(
            f"label map {labels.shape} and picture {picture.shape}: the published formulas count rows and columns of "
            f"{(SIDE, SIDE)} and {(SIDE, SIDE, 3)}; resize the crop, the map to the nearest label, or use ours"
        )


def grey(picture: ByteArray) -> FloatArray:
    """(H,W,3) -> (H,W) float64 mean of the channels."""
    means: FloatArray = picture.mean(axis=2)
    return means


def _missing(reason: str) -> Value:
    return Value(math.nan, reason)


def _extent(part: BoolArray) -> int:
    rows = np.flatnonzero(part.any(axis=1))
    return int(rows[-1] - rows[0]) if len(rows) else 0


def _eye(labels: ByteArray, eye: int, rows: slice) -> BoolArray:
    """(224,224) the eye's pixels within its window."""
    found = np.zeros(labels.shape, np.bool_)
    window = rows, LEFT_EYE_COLUMNS if eye == LEFT_EYE else RIGHT_EYE_COLUMNS
    found[window] = labels[window] == eye
    return found


def _lowest_hair(hair: BoolArray) -> Value:
    """The lowest row with hair, counted from the top of the picture, and half of the pixels at its bottom edge."""
    rows = np.flatnonzero(hair.any(axis=1))
    if not len(rows):
        return _missing("no hair")
    return Value(float(rows[-1] + (hair[-1].sum() / 2 if rows[-1] == SIDE - 1 else 0)))


def _nose_slant(nose: BoolArray) -> Value:
    """Minus the correlation of x and y over the nose's pixels."""
    rows, columns = np.nonzero(nose)
    if len(rows) < 2:
        return _missing("a nose of one pixel" if len(rows) else "no nose")
    for lies_in, line in ((rows, "row"), (columns, "column")):
        if np.ptp(lies_in) == 0:
            return _missing(f"a nose in one {line}")
    return Value(-float(np.corrcoef(columns, rows)[0, 1]))


def _tallest_column(eye: BoolArray) -> float:
    """The greatest extent within a column, times the cosine between the eye's longest line and the rows."""
    columns = np.flatnonzero(eye.any(axis=0))
    if not len(columns):
        return 0.0
    top = eye.argmax(axis=0)[columns]
    bottom = len(eye) - 1 - eye[::-1].argmax(axis=0)[columns]
    # The two pixels that are farthest apart are corners of the eye's hull, so each is an end of its column.
    x, y = np.repeat(columns, 2), np.stack([top, bottom], axis=1).reshape(-1)
    squared = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    first, second = np.unravel_index(int(squared.argmax()), squared.shape)
    longest = math.sqrt(squared[first, second])
    cosine = abs(int(x[first] - x[second])) / longest if longest else 1.0
    return float((bottom - top).max() * cosine)


def _eye_line(labels: ByteArray) -> Value:
    """The slope of the line through both eyes' centres: the roll of the head, published as its pose."""
    eyes = [np.nonzero(_eye(labels, eye, EYE_ROWS)) for eye in (LEFT_EYE, RIGHT_EYE)]
    if not all(len(rows) for rows, _ in eyes):
        return Value(0.0)
    (left_y, left_x), (right_y, right_x) = ((rows.mean(), columns.mean()) for rows, columns in eyes)
    if left_x == right_x:
        return _missing("both eyes at one place" if left_y == right_y else "one eye straight above the other")
    return Value(float((right_y - left_y) / (right_x - left_x)))


def _hairy_rows(hair: BoolArray) -> float:
    """Rows below the forehead with enough hair, and half of the hair that leaves the picture at its bottom."""
    counts = hair[EYE_ROWS.start :].sum(axis=1)
    halves = [max(int(half.sum()) - HAIRY // 2, 0) for half in np.split(hair[-1], 2)]
    leaves = sum(halves) / 2 if counts[-1] >= HAIRY else 0.0
    return float((counts >= HAIRY).sum() + leaves)
