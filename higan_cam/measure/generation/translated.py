"""What goes wrong where pictures are translated without pairs: colours turned over, and one answer to everything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from higan_cam.errors import DataError
from higan_cam.losses.light import REC_709
from higan_cam.measure.generation.alike import coarse, typical
from higan_cam.measure.generation.collapse import LEAST_CONTRAST
from higan_cam.measure.generation.verdicts import CLEAN, Verdict, not_measured, share_interval
from higan_cam.types import ByteArray, FloatArray

LEAST = 16
"""Pictures below which nothing is said."""
FLAT = 2 / 255
"""Standard deviation of levels, of 1, below which a channel has no pattern that could be turned over."""
TOLERATED = 0.1
"""Share of pictures turned over that is no fault yet."""
SHOWN = 24
"""Pictures in the evidence, the worst."""
CHANNELS = ("luminance", "red", "green", "blue")


def inverted(before: ByteArray, after: ByteArray) -> Verdict:
    """Whether what was bright comes out dark, in luminance or a channel: cycles undo that as well as they do nothing.

    The figure is the share of pictures in which luminance, or a channel, of the answer runs against that of the picture
    it was made from (correlation over its pixels below 0). A fault is one whose interval lies above `TOLERATED`.

    Args:
        before, after: (N,S,S,3) uint8.

    Raises:
        DataError: two shapes.
    """
    name = "inverted"
    if before.shape != after.shape:
        raise DataError(f"before and after must be of one shape, got {before.shape} and {after.shape}")
    lowest = np.array(list(_correlations(before, after))).reshape(-1, len(CHANNELS))
    judged = np.flatnonzero(np.isfinite(lowest).any(axis=1))
    if len(judged) < LEAST:
        return not_measured(name, f"{LEAST} pictures that are not flat are needed, there are {len(judged)}.")
    rows = np.where(np.isfinite(lowest[judged]), lowest[judged], np.inf)
    worst, against = rows.min(axis=1), rows.min(axis=1) < 0
    found = share_interval(int(against.sum()), len(judged))
    fault = found.low > TOLERATED
    channel = CHANNELS[int((rows < 0).sum(axis=0).argmax())]
    words = f"In {found.value:.0%} of {len(judged)} pictures brightness or a colour runs against the picture's own"
    evidence = {"pictures": judged[np.argsort(worst)[:SHOWN]].tolist(), "median": float(np.median(worst))}
    return Verdict(
        name=name,
        value=name if fault else CLEAN,
        figure=found.value,
        interval=found,
        evidence=evidence,
        words=f"{words}, most often {channel}." if fault else f"{words}.",
    )


def alike(after: ByteArray, reals: ByteArray) -> Verdict:
    """Whether the answers to different pictures are one picture.

    The figure is how far answers are apart, over how far pictures of the kind that they should be are; below a third
    they are taken for one picture, as `collapse` does.

    Args:
        after: (N,S,S,3) uint8 answers to different pictures. reals: (M,S,S,3) of that kind.

    Raises:
        DataError: other arrays.
    """
    name, rows, known = "alike", coarse(after), coarse(reals)
    if min(len(rows), len(known)) < LEAST or not typical(known):
        return not_measured(name, f"{LEAST} answers and different pictures are needed, there are {len(rows)}.")
    figure = typical(rows) / typical(known)
    words = f"Answers are {figure:.2f} times as far apart as pictures of their kind."
    return Verdict(name=name, value=name if figure < LEAST_CONTRAST else CLEAN, figure=figure, words=words)


def _correlations(before: ByteArray, after: ByteArray) -> Iterator[FloatArray]:
    """(4,) of each picture, by `CHANNELS`; NaN where one of both is flat."""
    for pair in zip(before, after, strict=True):
        one, other = (_planes(each) for each in pair)
        spread = one.std(axis=1), other.std(axis=1)
        covariance = (one * other).mean(axis=1) - one.mean(axis=1) * other.mean(axis=1)
        told = (spread[0] > FLAT) & (spread[1] > FLAT)
        yield np.where(told, covariance / np.where(told, spread[0] * spread[1], 1), np.nan)


def _planes(picture: ByteArray) -> FloatArray:
    """(S,S,3) -> (4,S*S) in [0,1]."""
    flat = picture.reshape(-1, 3).astype(np.float64) / 255
    return np.concatenate([(flat @ np.array(REC_709))[None], flat.T])
