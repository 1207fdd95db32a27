"""A picture alone -> where the attribute would go in it: a student's answer, as regions and places of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from higan_cam.config import RunConfig
from higan_cam.generate import from_uint8
from higan_cam.mask import find_regions
from higan_cam.mask.heat import resize_maps
from higan_cam.mask.student import Student
from higan_cam.mask.student.network import HEAT, MASK
from higan_cam.pictures import Affine, PictureRow, Unreadable, fit_square, to_picture
from higan_cam.pipeline.inverting import Read
from higan_cam.pipeline.photos import LIKELY, place_of
from higan_cam.types import Recommendation

NOWHERE = f"the student finds no pixel more likely than {LIKELY:g}"


def recommend_unit(
    student: Student, config: RunConfig, rows: Sequence[PictureRow], read: Read
) -> Iterator[Recommendation]:
    """A row for each picture, in order, one by one: a picture at its own size is held only while its row is.

    The mask is where the student's mask is likely; places are the tops of its heat there (`regions.target` emitter),
    since the light of neighbouring lamps is one region.
    """
    tops = config.regions.model_copy(update={"target": "emitter"})
    for row in rows:
        found = read(row)
        if isinstance(found, Unreadable):
            yield Recommendation(row.index, row.key, "unreadable", found.reason)
            continue
        square, affine = fit_square(found.image, student.side, config.source.fit)
        side = config.attribution.map_size
        maps = student.maps(from_uint8(square[None]))[0]
        heat, likely = (resize_maps(maps[[which]], side)[0].numpy() for which in (HEAT, MASK))
        inside = likely >= LIKELY
        answer = find_regions(np.where(inside, heat, 0), tops, side, NOWHERE)
        placed = resampled(affine, side)
        yield Recommendation(
            row.index,
            row.key,
            answer.status,
            answer.reason,
            found.notes,
            found.image,
            mask=to_picture(np.where(inside, 255, 0).astype(np.uint8), placed),
            heat=heat,
            regions=answer.regions,
            places=tuple(place_of(region, placed) for region in answer.regions),
        )


def resampled(affine: Affine, side: int) -> Affine:
    """The same square of the photo, in `side` pixels instead of its own."""
    scale = affine.scale * affine.side / side
    half = (scale - affine.scale) / 2  # pixels are named by their centres
    return Affine(scale, affine.dx + half, affine.dy + half, affine.size, side)
