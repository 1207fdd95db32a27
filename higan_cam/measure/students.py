"""A student against photos of rooms with known light, beside what it has learned from and what knows no picture."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import torch

from higan_cam.config import RunConfig
from higan_cam.generate.images import from_uint8
from higan_cam.mask.student import Student
from higan_cam.mask.student.network import HEAT, MASK
from higan_cam.measure.masks import SHIPPED, code_ends, found_regions, heat_of
from higan_cam.measure.photos import Answer, KnownPhotos, figures_of, known_photos, moved_along
from higan_cam.measure.values import estimate_means
from higan_cam.pipeline import Models
from higan_cam.rooms.photos import Grade, photos
from higan_cam.types import Boundary, FloatArray, Interval

SETS: tuple[tuple[Grade, bool], ...] = (("G1", True), ("G2", True), ("G3", True), ("G1", False))
"""(grade, whether lamps burn) of the photos that are measured."""
LABELS, STUDENT, HEAT_ALONE, MASK_ALONE = "its labels", "student", "student, heat alone", "student, mask alone"
COMPARED = ("ap_light", "ap_shades", "iou")
CUT = 0.5


@dataclass(frozen=True)
class StudentRow:
    """One method on one set of photos: means with intervals over photos; `ahead` of the labels, photo by photo."""

    photos: str
    method: str
    estimates: Mapping[str, Interval]
    ahead: Mapping[str, Interval]


@dataclass(frozen=True)
class StudentResult:
    """All methods on all sets; `milliseconds` per photo on one thread, one photo at a time."""

    count: int
    seed: int
    parameters: int
    milliseconds: float
    rows: tuple[StudentRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def measure_student(
    student: Student,
    *,
    labels: tuple[Models, RunConfig, Boundary] | None,
    constants: Mapping[str, FloatArray],
    config: RunConfig,
    count: int,
    seed: int,
    sets: Sequence[tuple[Grade, bool]] = SETS,
) -> StudentResult:
    """The student on `count` photos of each set, its labels (the edit of the true latent), and constant maps.

    Args:
        labels: networks, configuration and boundary of the run it learned from; None leaves its labels out.
        constants: {name: (h,h) heat}, the same for every photo.
        config: whose regions make a mask of heat, for all but the student's own mask.
        seed: of the photos.
    """
    rows: list[StudentRow] = []
    taught: Answer | None = None
    for grade, lamps in sets:
        known = known_photos(seed, count, grade, lamps)
        if labels is not None and taught is None:
            taught = label_answer(*labels, known)
        answers = {**student_answers(student, known, config), **_constants(constants, config, known)}
        if taught is not None:
            answers[LABELS] = moved_along(taught, known.moved)
        rows += _rows(answers, known, seed)
    parameters = sum(parameter.numel() for parameter in student.network.parameters())
    return StudentResult(count, seed, parameters, milliseconds(student), tuple(rows))


def student_answers(student: Student, known: KnownPhotos, config: RunConfig) -> dict[str, Answer]:
    """Its heat and its mask; the heat with the regions that a run finds in it; the mask's likelihood as heat."""
    maps = student.maps(from_uint8(known.images)).numpy()
    size = known.lit.shape[1]
    likely = np.stack([enlarged(one, size) for one in maps[:, MASK]])
    regions = found_regions(np.ascontiguousarray(maps[:, HEAT]), config, (SHIPPED,), size)
    return {
        STUDENT: Answer(regions.heat, likely >= CUT),
        HEAT_ALONE: Answer(regions.heat, regions.masks[SHIPPED]),
        MASK_ALONE: Answer(likely, likely >= CUT),
    }


def label_answer(models: Models, config: RunConfig, boundary: Boundary, known: KnownPhotos) -> Answer:
    """What a run would publish of the photos' latents: the generator edited, attributed and clustered."""
    ends = code_ends(models, config, boundary, known.latents)
    found = heat_of(models, config, boundary, ends, config.final_attribution.name)
    return Answer(found.heat, found.masks[SHIPPED])


def mean_light(seed: int, count: int, size: int = 128) -> FloatArray:
    """(size,size) share of `count` other clean photos in which each pixel is lit."""
    return np.asarray(np.mean([one.lit for one in photos(seed, count, "G1", size=size)], axis=0), np.float32)


def milliseconds(student: Student, repeats: int = 20) -> float:
    """Processor time of one photo, by itself, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        image = torch.zeros(1, 3, student.side, student.side)
        student.maps(image)
        began = time.process_time()
        for _ in range(repeats):
            student.maps(image)
        return 1e3 * (time.process_time() - began) / repeats
    finally:
        torch.set_num_threads(threads)


def enlarged(heat: FloatArray, size: int) -> FloatArray:
    """(h,h) -> (size,size), bilinear."""
    return np.asarray(cv2.resize(heat, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


def _constants(constants: Mapping[str, FloatArray], config: RunConfig, known: KnownPhotos) -> dict[str, Answer]:
    size = known.lit.shape[1]
    found = {name: found_regions(heat[None], config, (SHIPPED,), size) for name, heat in constants.items()}
    return {name: Answer(each.heat, each.masks[SHIPPED]) for name, each in found.items()}


def _rows(answers: Mapping[str, Answer], known: KnownPhotos, seed: int) -> list[StudentRow]:
    values = {name: figures_of(answer, known) for name, answer in answers.items()}
    rows = []
    for name, columns in values.items():
        ahead = {}
        if LABELS in values and name != LABELS:
            ahead = {figure: columns[figure] - values[LABELS][figure] for figure in COMPARED}
        estimates = estimate_means({**columns, **{f"ahead {figure}": each for figure, each in ahead.items()}}, seed)
        kept = {figure: estimates[figure] for figure in columns}
        rows.append(StudentRow(known.name, name, kept, {figure: estimates[f"ahead {figure}"] for figure in ahead}))
    return rows
