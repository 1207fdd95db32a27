"""A picture alone -> where the attribute would go in it: a student's answer, as regions and places of the picture.

With a bank, where it is not and could be: where similar samples of a run have heat, and the student sees no light.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch.nn.functional as F

from higan_cam.config import RunConfig
from higan_cam.generate import from_uint8
from higan_cam.mask import find_regions
from higan_cam.mask.heat import resize_maps
from higan_cam.mask.student import Student
from higan_cam.mask.student.absent import left_out
from higan_cam.mask.student.network import HEAT, MASK
from higan_cam.pictures import Affine, PictureRow, Unreadable, fit_square, to_picture
from higan_cam.pipeline.bank import Bank
from higan_cam.pipeline.inverting import Read
from higan_cam.pipeline.photos import LIKELY, place_of
from higan_cam.types import BoolArray, ByteArray, FloatArray, Recommendation

NOWHERE = f"the student finds no pixel more likely than {LIKELY:g}"
USUAL = 0.15
"""Mean heat of similar samples from which on a pixel could be lit. Chosen with `MARGIN` on 100 rooms that nothing else
uses: IoU .645 with the light of absent lamps, .606 at best without a margin."""
MARGIN = 1 / 32
"""Of the side: so near to what is lit, heat is the light that is there, seen in other rooms."""
NOWHERE_ELSE = f"where it is not lit, similar samples of the run have less heat than {USUAL:g}"


def recommend_unit(
    student: Student, config: RunConfig, rows: Sequence[PictureRow], read: Read, bank: Bank | None = None
) -> Iterator[Recommendation]:
    """A row for each picture, in order, one by one: a picture at its own size is held only while its row is.

    The mask is where the student's mask is likely, or, with a bank, where similar samples are lit and the picture is
    not. Places are the tops of the heat there (`regions.target` emitter), since the light of neighbouring lamps is one
    region.
    """
    tops = config.regions.model_copy(update={"target": "emitter"})
    for row in rows:
        found = read(row)
        if isinstance(found, Unreadable):
            yield Recommendation(row.index, row.key, "unreadable", found.reason)
            continue
        square, affine = fit_square(found.image, student.side, config.source.fit)
        side = config.attribution.map_size
        heat, inside = answer_of(student, bank, square, side)
        nowhere = NOWHERE if bank is None else NOWHERE_ELSE
        answer = find_regions(np.where(inside, heat, 0), tops, side, nowhere)
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
            place=(placed.scale, placed.dx, placed.dy),
            regions=answer.regions,
            places=tuple(place_of(region, placed) for region in answer.regions),
        )


def resampled(affine: Affine, side: int) -> Affine:
    """The same square of the photo, in `side` pixels instead of its own."""
    scale = affine.scale * affine.side / side
    half = (scale - affine.scale) / 2  # pixels are named by their centres
    return Affine(scale, affine.dx + half, affine.dy + half, affine.size, side)


def answer_of(student: Student, bank: Bank | None, square: ByteArray, side: int) -> tuple[FloatArray, BoolArray]:
    """(S,S,3) uint8 of a picture -> (side,side) heat in [0,1], and (side,side) where the attribute would go.

    Without a bank both are the student's. With one, heat is that of similar samples, 0 where the picture is lit.
    """
    image = from_uint8(square[None])
    maps = student.maps(image)[0]
    if bank is None:
        heat, likely = (resize_maps(maps[[which]], side)[0].numpy() for which in (HEAT, MASK))
        return heat, likely >= LIKELY
    elsewhere, lit = bank.heat_of(image), maps[[MASK]]
    reach = round(MARGIN * lit.shape[-1])
    near = F.max_pool2d(lit, 2 * reach + 1, stride=1, padding=reach)
    heat, free = (resize_maps(left_out(elsewhere, each), side)[0].numpy() for each in (lit, near))
    return heat, free >= USUAL
