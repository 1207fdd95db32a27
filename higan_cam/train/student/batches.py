"""The pictures of one training step: which, which end of them, moved and spoilt how, with the answer moved along.

Every example depends on (seed, its place in training) alone, whatever came before a restart, and whichever worker makes
it. All three ends of a sample have the same answer, so that a picture in which all is off still says where it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.images import from_uint8
from higan_cam.publish.images import decode_image
from higan_cam.rooms.nuisances import Bounds, Nuisances, affine_of, develop, draw_nuisances, levels, move
from higan_cam.train.draws import stream
from higan_cam.train.optimise import share_of
from higan_cam.train.settings import World
from higan_cam.train.student.lessons import FULL, Lesson
from higan_cam.train.student.settings import StudentSettings
from higan_cam.types import ByteArray, FloatArray, IntArray

SPOILT = Bounds(
    shift=6 / 128, zoom=(0.94, 1.06), tone=0.15, balance=0.08, vignette=0.25, noise=(0, 6 / 255), quality=(50, 98)
)
"""What is done to the pictures of training: more than photos of grade G2 have."""
STRONGEST = 2.5
"""Greatest factor on a colour's distance from grey, where examples are recoloured."""
_ORDER, _EXAMPLE = 0, 1
"""Streams of random numbers."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures (B,3,S,S) in [-1,1]; heat and mask (B,h,h) in [0,1]."""

    images: Tensor
    heat: Tensor
    mask: Tensor


@dataclass(frozen=True, eq=False)
class Course:
    """All that is learned from: the samples of the runs, and the labelled pictures."""

    samples: Sequence[Lesson]
    labelled: Sequence[Lesson] = ()

    def __len__(self) -> int:
        return len(self.samples) + len(self.labelled)


def draw_batch(course: Course, settings: StudentSettings, step: int, world: World = World()) -> Batch:  # noqa: B008
    """This worker's share of a step's examples."""
    share = share_of(settings.batch, world)
    first = world.rank * share
    examples = [
        example(lesson, settings, step * settings.batch + first + place)
        for place, lesson in enumerate(_lessons(course, settings, step, range(first, first + share)))
    ]
    pictures, heats, masks = (np.stack(part) for part in zip(*examples, strict=True))
    return Batch(from_uint8(pictures), torch.from_numpy(heats), torch.from_numpy(masks))


def example(lesson: Lesson, settings: StudentSettings, place: int) -> tuple[ByteArray, FloatArray, FloatArray]:
    """One picture (S,S,3) as it is shown at this place of training, and its heat and mask (h,h) in [0,1]."""
    source = stream(settings.seed, place, _EXAMPLE)
    end, recolour, spoil = source.uniform(size=3)
    taken, colours = draw_nuisances(source, SPOILT), colour_matrix(source)
    picture = np.asarray(decode_image(lesson.pictures[_end(lesson, settings, end)]) / FULL, np.float32)
    if recolour < settings.recolour:
        picture = recoloured(picture, colours)
    moved = move(picture, affine_of(taken, settings.side))
    shown = develop(moved, taken, source) if spoil < settings.spoilt else levels(moved)
    return shown, _moved(lesson.heat, taken), _moved(lesson.mask, taken)


def colour_matrix(source: np.random.Generator) -> FloatArray:
    """(3,3) on RGB that keeps greys and luminance: hues turned by any angle, and saturation times 0 to `STRONGEST`.

    Colours are taken apart into luminance and what is left, which is turned about the grey axis (Rodrigues' formula)
    and scaled; the luminance that turning adds is taken off again.
    """
    angle, strength = source.uniform(-np.pi, np.pi), source.uniform(0, STRONGEST)
    grey = np.repeat(LUMINANCE[None], 3, axis=0)
    axis = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.eye(3) + np.sin(angle) * axis + (1 - np.cos(angle)) * axis @ axis
    coloured = (np.eye(3) - grey) @ turn @ (np.eye(3) - grey)
    return np.asarray(grey + strength * coloured, np.float32)


def recoloured(picture: FloatArray, matrix: FloatArray) -> FloatArray:
    """(H,W,3) display values in [0,1] -> the same in other colours, clipped."""
    return np.asarray(np.clip(picture @ matrix.T, 0, 1), np.float32)


def _lessons(course: Course, settings: StudentSettings, step: int, places: range) -> Iterator[Lesson]:
    """Those at these places of a step: labelled ones spread evenly among the others."""
    batch = settings.batch
    share = settings.labelled_share if course.samples else 1.0
    labelled = round(share * batch) if course.labelled else 0
    for place in places:
        before, after = place * labelled // batch, (place + 1) * labelled // batch
        if after > before:
            yield _drawn(course.labelled, settings.seed, 1, step * labelled + before)
        else:
            yield _drawn(course.samples, settings.seed, 0, step * (batch - labelled) + place - before)


def _drawn(lessons: Sequence[Lesson], seed: int, kind: int, number: int) -> Lesson:
    """The lesson of this number, from 0: each comes once before any comes twice, in another order every time."""
    epoch, place = divmod(number, len(lessons))
    return lessons[int(_order(seed, kind, epoch, len(lessons))[place])]


@lru_cache(maxsize=8)
def _order(seed: int, kind: int, epoch: int, count: int) -> IntArray:
    return stream(seed, 2 * epoch + kind, _ORDER).permutation(count)


def _end(lesson: Lesson, settings: StudentSettings, drawn: float) -> int:
    """Which of a lesson's pictures is shown: original, negative or positive end."""
    if len(lesson.pictures) == 1:
        return 0
    return 1 if drawn < settings.negative else 2 if drawn < settings.negative + settings.positive else 0


def _moved(levels: ByteArray, taken: Nuisances) -> FloatArray:
    return move(np.asarray(levels / FULL, np.float32), affine_of(taken, len(levels)))
