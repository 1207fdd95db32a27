"""The second half of a run on pictures: codes -> edits to target scores -> the change back in the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from higan_cam.config import RunConfig
from higan_cam.errors import DataError
from higan_cam.generate import from_uint8, to_uint8
from higan_cam.invert import AT_REST, developed
from higan_cam.mask import decode_rle
from higan_cam.mask.shapes import encode_rle
from higan_cam.mask.student import Student, load_student
from higan_cam.pictures import (
    Affine,
    Fit,
    PictureRow,
    Unreadable,
    box_shares,
    fit_square,
    paste_change,
    shares,
    to_picture,
)
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.pipeline.flow import HeatBatch
from higan_cam.pipeline.inverting import Read
from higan_cam.pipeline.models import Models
from higan_cam.types import Boundary, ByteArray, Photo, PictureCode, Place, Region, Sample, Scorer
from higan_cam.weights.embedded import EMBEDDED_STUDENTS, knows

LIKELY = 0.5
"""From this likelihood on a pixel is in a student's mask."""
LOST = "could be read when it was inverted, and now cannot"
FARTHER = 2.0
"""An edit of a picture goes to a score and may go so many times as far as edits of samples: a lamp that is off lies
farther from "on" in the code than its picture shows."""


def student_name(config: RunConfig) -> str | None:
    """File or name of the student that is asked too; an embedded one knows its own world alone."""
    embedded = EMBEDDED_STUDENTS.get(config.student.weights)
    return config.student.weights if embedded is None or knows(embedded, config.generator.weights) else None


def student_of(config: RunConfig) -> Student | None:
    """That student; None where none knows such pictures and this attribute. WeightsError: its file is none."""
    named = student_name(config)
    student = None if named is None else load_student(named)
    return student if student is not None and student.attribute == config.attribute else None


def with_codes(models: Models, codes: Sequence[PictureCode]) -> Models:
    """The networks, with these pictures' codes behind `w_plus_of`."""
    return replace(models, codes={code.index: code.w_plus for code in codes})


def readable(codes: Sequence[PictureCode]) -> list[int]:
    """Indices of the pictures that have a code."""
    return [code.index for code in codes if code.status != "unreadable"]


def with_targets(config: RunConfig, boundary: Boundary) -> RunConfig:
    """The configuration with scores for edits of pictures to end at, where none are asked for.

    They are the mean scores of samples at both ends of their own edit, and may lie `FARTHER` away.
    """
    response = boundary.metrics.get("score_response")
    if config.edit.targets is not None or not isinstance(response, Mapping):
        return config
    targets = (float(response["mean"][0]), float(response["mean"][-1]))
    if not targets[0] < targets[1]:
        return config
    edit = config.edit.model_copy(update={"targets": targets, "distance": FARTHER * config.edit.distance})
    return config.model_copy(update={"edit": edit})


@dataclass(frozen=True, eq=False)
class UnitPictures:
    """The pictures behind a unit of masks: a row of codes for each, how to read them, and who else is asked."""

    codes: Sequence[PictureCode]
    read: Read
    student: Student | None = None

    def of(self, index: int) -> PictureCode:
        """The row of the picture with this number."""
        return self._by_index[index]

    def picture(self, index: int) -> ByteArray | Unreadable:
        """(H,W,3) the picture, or why it could be read when it was inverted, and cannot any more."""
        code = self.of(index)
        found = self.read(PictureRow(code.index, code.key, code.bytes, code.etag, code.offset))
        return Unreadable(f"{LOST}: {found.reason}") if isinstance(found, Unreadable) else found.image

    @cached_property
    def _by_index(self) -> dict[int, PictureCode]:
        return {code.index: code for code in self.codes}


def photo_samples(
    scorer: Scorer, config: RunConfig, batch: HeatBatch, pictures: UnitPictures, judge: Scorer | None = None
) -> list[Sample]:
    """Heat maps -> samples, as `mask_samples` makes them, with the picture's square as `original`.

    A picture that the generator cannot draw has no mask (`invert.poor`), with that reason. One that has gone since it
    was inverted has none either: what the generator draws of it stands for it.

    Raises:
        DataError: all of several have gone, which says more of the place that they lie in than of them.
    """
    if not batch.indices:
        return []
    squares, reasons = _squares(config, batch, pictures)
    for place, index in enumerate(batch.indices):
        code = pictures.of(index)
        if code.status == "poor" and config.invert.poor == "skip":
            reasons.setdefault(place, code.reason)
    heat = batch.heat.copy()
    heat[list(reasons)] = 0
    samples = mask_samples(scorer, config, replace(batch, original=squares, heat=heat), judge)
    return [
        replace(sample, reason=reasons[place]) if place in reasons else sample for place, sample in enumerate(samples)
    ]


def with_photos(
    scorer: Scorer, config: RunConfig, samples: Sequence[Sample], batch: HeatBatch, pictures: UnitPictures
) -> Iterator[Sample]:
    """The samples with their `photo`, one by one: one picture at a time is held at its own size.

    DataError: a picture has gone since its sample was made; the unit's next try has it without a mask.
    """
    for sample, drawn in zip(samples, batch.original, strict=True):
        yield replace(sample, photo=_photo(scorer, sample, drawn, pictures, config.source.fit))


def _squares(config: RunConfig, batch: HeatBatch, pictures: UnitPictures) -> tuple[ByteArray, dict[int, str]]:
    """(N,R,R,3) the pictures' squares, and {place in the batch: why it cannot be read any more}."""
    squares, lost = batch.original.copy(), dict[int, str]()
    for place, index in enumerate(batch.indices):
        found = pictures.picture(index)
        if isinstance(found, Unreadable):
            lost[place] = found.reason
        else:
            squares[place] = fit_square(found, squares.shape[1], config.source.fit)[0]
    if len(lost) == len(squares) > 1:
        raise DataError(f"none of {len(lost)} pictures is there any more, such as {_named(pictures, batch, lost)}")
    return squares, lost


def _named(pictures: UnitPictures, batch: HeatBatch, lost: Mapping[int, str]) -> str:
    place, reason = next(iter(lost.items()))
    return f"{pictures.of(batch.indices[place]).key} ({reason}); is the place that they lie in reached?"


def _photo(scorer: Scorer, sample: Sample, drawn: ByteArray, pictures: UnitPictures, fit: Fit) -> Photo:
    code, picture = pictures.of(sample.index), pictures.picture(sample.index)
    if isinstance(picture, Unreadable):
        if sample.status == "ok":
            raise DataError(f"{code.key}: {picture.reason}")
        return _lost(scorer, drawn, code, picture.reason)
    affine = Affine(*code.place, size=code.size, side=len(sample.mask))
    mask = to_picture(sample.mask, affine)
    before, after, away = developed_images(code, drawn, sample.image, sample.negative)
    return Photo(
        code=code,
        picture=picture,
        mask=mask,
        positive=paste_change(picture, mask, before, after, affine),
        negative=paste_change(picture, mask, before, away, affine),
        reconstruction=drawn,
        score_reconstruction=_score(scorer, drawn),
        places=tuple(place_of(region, affine) for region in sample.regions),
        regions=tuple(found for region in sample.regions if (found := in_picture(region, affine)).area),
        student_overlap=_student_overlap(pictures.student, picture, mask, fit),
    )


def _lost(scorer: Scorer, drawn: ByteArray, code: PictureCode, reason: str) -> Photo:
    gone = replace(code, status="unreadable", reason=reason)
    return Photo(gone, None, None, None, None, drawn, _score(scorer, drawn), (), (), math.nan)


@torch.inference_mode()
def _score(scorer: Scorer, image: ByteArray) -> float:
    return float(scorer.score(from_uint8(image[None]))[0])


def _student_overlap(student: Student | None, picture: ByteArray, mask: ByteArray, fit: Fit) -> float:
    """IoU of the sample's mask and the student's, at the picture's own size; NaN where there is nothing to compare."""
    if student is None or not mask.any():
        return math.nan
    square, affine = fit_square(picture, student.side, fit)
    theirs = to_picture(student.mask(from_uint8(square[None])).numpy()[0] >= LIKELY, affine)
    ours = mask > 0
    return float((ours & theirs).sum() / (ours | theirs).sum())


def developed_images(code: PictureCode, *images: ByteArray) -> list[ByteArray]:
    """(R,R,3) uint8 pictures of the generator's as the picture's own camera would have exposed them."""
    camera = torch.tensor([code.camera or AT_REST]).expand(len(images), -1)
    return list(to_uint8(developed(from_uint8(np.stack(images)), camera)))


def place_of(region: Region, affine: Affine) -> Place:
    """Where a region of the square lies in the picture."""
    y, x = shares(region.centroid, affine).tolist()
    left, top, width, height = box_shares(region.bbox, affine).tolist()
    return Place(region.rank, x, y, left, top, width, height)


def in_picture(region: Region, affine: Affine) -> Region:
    """A region of the square in pixels of the picture: area 0 where it fills half of none."""
    mask = to_picture(decode_rle(region.rle).astype(np.bool_), affine)
    across, down = (np.flatnonzero(mask.any(axis=axis)) for axis in (0, 1))
    box = (int(across[0]), int(down[0]), int(np.ptp(across)) + 1, int(np.ptp(down)) + 1) if mask.any() else (0, 0, 0, 0)
    (y, x), (top, left) = affine.to_photo(np.array([region.centroid, region.peak])).tolist()
    ellipse = region.ellipse
    return replace(
        region,
        area=int(mask.sum()),
        centroid=(y, x),
        peak=(top, left),
        ellipse=replace(ellipse, major=ellipse.major * affine.scale, minor=ellipse.minor * affine.scale),
        bbox=box,
        rle=encode_rle(mask),
    )
