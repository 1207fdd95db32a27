"""Which pictures are held out and in which part the others are: stratified and seeded."""

from __future__ import annotations

import numpy as np

from higan_cam.errors import ConfigError
from higan_cam.train.labeller.settings import LabellerSettings
from higan_cam.types import BoolArray, IntArray

HELD_OUT, CALIBRATION = -1, -2


def parts_of(labels: BoolArray, settings: LabellerSettings) -> IntArray:
    """(N,) labels -> (N,) the part of each: 0 to folds - 1, `HELD_OUT` or `CALIBRATION`.

    Every part has the share of label 1 that all have, as near as whole pictures allow; at least one of each label is
    held out, and one calibrates.

    Raises:
        ConfigError: one label alone, or too few of one.
    """
    folds, parts = settings.folds, np.full(len(labels), HELD_OUT, np.int64)
    taken = 0
    for label in (False, True):
        places = np.flatnonzero(labels == label)
        held_out, calibrating = (max(1, round(x * len(places))) for x in (settings.held_out, settings.calibration))
        apart = held_out + calibrating
        learned = len(places) - apart
        if learned < folds:
            raise ConfigError(_too_few(label, len(places), len(labels), folds))
        order = np.random.Generator(np.random.Philox(key=(settings.seed, int(label)))).permutation(places)
        # Counted on from label to label, so that parts differ by one picture at most.
        parts[order[held_out:apart]] = CALIBRATION
        parts[order[apart:]] = (taken + np.arange(learned)) % folds
        taken += learned
    return parts


def _too_few(label: bool, count: int, total: int, folds: int) -> str:
    if count == 0:
        return f"labels: all {total} are {int(not label)}; a labeller learns from both, so label some as {int(label)}"
    return (
        f"labels: {count} of {total} are {int(label)}, too few for {folds} parts beside those kept apart; label more "
        "of them, or take fewer folds"
    )
