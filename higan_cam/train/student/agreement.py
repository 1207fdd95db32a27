"""How far a student agrees with masks of runs that it has not seen: each end of every sample against its one mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from higan_cam.generate.images import from_uint8
from higan_cam.mask.student import Student
from higan_cam.measure.values import estimate_means
from higan_cam.publish.images import decode_image
from higan_cam.rooms.localisation import average_precision, iou
from higan_cam.train.student.lessons import ENDS, FULL, Lesson
from higan_cam.types import BoolArray

CUT = 0.5
CHUNK = 64


def agreement(student: Student, lessons: Sequence[Lesson]) -> dict[str, Any]:
    """{end: {figure: value, low, high}}: average precision and IoU of the student's mask against the sample's.

    Means with 95% bootstrap intervals over samples, at the student's own size; samples whose mask fills no pixel there
    are left out. These masks are labels, not truth: a student can be better than they are.
    """
    known = np.stack([lesson.mask > FULL // 2 for lesson in lessons])
    kept = np.flatnonzero(known.any(axis=(1, 2))).tolist()
    pictures = [lessons[row].pictures for row in kept]
    return {end: _figures(student, [each[i] for each in pictures], known[kept]) for i, end in enumerate(ENDS)}


def _figures(student: Student, pictures: Sequence[bytes], masks: BoolArray) -> dict[str, Any]:
    if not len(masks):
        return {}
    likely = np.concatenate(
        [
            student.mask(from_uint8(np.stack([decode_image(body) for body in pictures[start : start + CHUNK]]))).numpy()
            for start in range(0, len(pictures), CHUNK)
        ]
    )
    columns = {"average precision": average_precision(likely, masks), "iou": iou(likely >= CUT, masks)}
    return {name: asdict(each) for name, each in estimate_means(columns, seed=0).items()}
