"""How far two answers agree, against how right the published one is: on photos of rooms, whose light is known.

A mask that comes through the generator's code and one that a student sees in the picture alone share no step, so that
where they agree both are more likely right. Of people's pictures only the agreement is known; this says what it tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from higan_cam.config import RunConfig
from higan_cam.errors import DataError
from higan_cam.manipulate.fit_metrics import spearman
from higan_cam.mask.student import Student
from higan_cam.measure.photos import KnownPhotos, known_photos
from higan_cam.measure.values import estimate_means
from higan_cam.pictures import Picture, PictureRow
from higan_cam.pipeline import Models, batches
from higan_cam.pipeline.flow import attribute
from higan_cam.pipeline.inverting import Inverter, invert_unit
from higan_cam.pipeline.photos import UnitPictures, photo_samples, with_codes, with_photos, with_targets
from higan_cam.publish.report.overlap import EDGES, inside
from higan_cam.rooms.photos import Grade
from higan_cam.types import Boundary, FloatArray, Interval

SEED, RESAMPLES = 0, 2000
UNIT = 8
"""Photos at once."""


@dataclass(frozen=True)
class AgreementBin:
    """Photos whose agreement is from `low` on and below `high`, and how far their masks overlap the true light."""

    low: float
    high: float
    count: int
    iou: Interval


@dataclass(frozen=True)
class AgreementCurve:
    """Agreement against truth over `count` photos with a mask.

    Attributes:
        grades: of the photos, equally many of each; seed: theirs.
        without: photos without a mask, of which nothing is said.
        agreement, iou: means of agreement, and of the overlap of the mask with the true light.
        spearman: rank correlation of the two over photos.
        bins: those that have a photo.
    """

    count: int
    grades: tuple[str, ...]
    seed: int
    without: int
    agreement: Interval
    iou: Interval
    spearman: Interval
    bins: tuple[AgreementBin, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def measure_agreement(
    models: Models,
    config: RunConfig,
    boundary: Boundary,
    inverter: Inverter,
    student: Student,
    *,
    grades: Sequence[Grade],
    count: int,
    seed: int,
) -> AgreementCurve:
    """The flow of a run on `count` photos of each grade, its masks held against the student's and the light.

    Raises:
        DataError: no photo has a mask.
    """
    pairs = [_of_grade(models, config, boundary, inverter, student, known_photos(seed, count, one)) for one in grades]
    agreement, overlap = np.concatenate(pairs, axis=1)
    there = np.isfinite(agreement)
    if not there.any():
        raise DataError(f"none of {len(agreement)} photos has a mask, so there is nothing to agree on")
    return curve_of(agreement[there], overlap[there], tuple(grades), seed, int((~there).sum()))


def curve_of(
    agreement: FloatArray, overlap: FloatArray, grades: tuple[str, ...], seed: int, without: int = 0
) -> AgreementCurve:
    """(N,) agreement and (N,) overlap with the truth of the same photos -> the curve."""
    means = estimate_means({"agreement": agreement, "iou": overlap}, SEED)
    bins = []
    for low, high in pairwise(EDGES):
        chosen = inside(agreement, low, high)
        if chosen.any():
            iou = estimate_means({"iou": overlap[chosen]}, SEED)["iou"]
            bins.append(AgreementBin(low, high, int(chosen.sum()), iou))
    return AgreementCurve(
        count=len(agreement),
        grades=grades,
        seed=seed,
        without=without,
        agreement=means["agreement"],
        iou=means["iou"],
        spearman=_spearman(agreement, overlap),
        bins=tuple(bins),
    )


def _of_grade(
    models: Models,
    config: RunConfig,
    boundary: Boundary,
    inverter: Inverter,
    student: Student,
    known: KnownPhotos,
) -> FloatArray:
    """(2,N): agreement of each photo, NaN without a mask, and the overlap of its mask with the true light."""
    rows = [PictureRow(index, f"{known.name}/{index}", 1, "sha256:") for index in range(len(known))]
    found = []
    for part in batches(range(len(known)), UNIT):
        codes = invert_unit(models, config, inverter, [rows[index] for index in part], lambda row: _read(known, row))
        pictures = UnitPictures(codes, lambda row: _read(known, row), student)
        batch = attribute(with_codes(models, codes), with_targets(config, boundary), boundary, list(part))
        samples = photo_samples(models.scorer, config, batch, pictures)
        for sample in with_photos(models.scorer, config, samples, batch, pictures):
            photo = sample.photo
            if photo is None or photo.mask is None:
                raise DataError(f"{known.name}/{sample.index} has no mask of its own")
            ours, light = photo.mask > 0, known.lit[sample.index]
            found.append((photo.student_overlap, (ours & light).sum() / max((ours | light).sum(), 1)))
    return np.array(found, np.float64).T


def _read(known: KnownPhotos, row: PictureRow) -> Picture:
    return Picture(known.images[row.index])


def _spearman(left: FloatArray, right: FloatArray) -> Interval:
    """Rank correlation with a percentile bootstrap over photos; NaN where one does not vary."""
    draw = np.random.Generator(np.random.Philox(SEED))
    chosen = draw.integers(0, len(left), (RESAMPLES, len(left)))
    values = [value for rows in chosen if (value := spearman(left[rows], right[rows])) is not None]
    low, high = np.quantile(values, (0.025, 0.975)) if values else (np.nan, np.nan)
    whole = spearman(left, right)
    return Interval(np.nan if whole is None else whole, float(low), float(high))
