"""The generator's own edit of an inverted picture, as light in the picture: lamps of it, in pairs with words.

A run's edits of pictures end at a score. Where light is wanted that way is too short in a room of many lamps, whose
light is not whole yet, and too long in one of few, where the edit goes on to change what is no light. Measured against
renders, lamps that are off are on at `WHOLE` times the distance of edits of samples (`relight/README.md`); `LightEnds`
draws that end anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import torch

from higan_cam.config import LightConfig, RunConfig
from higan_cam.generate import to_uint8
from higan_cam.manipulate import move, plan_edit
from higan_cam.pictures import Affine
from higan_cam.pipeline.lights import dials_of, pairs_of
from higan_cam.pipeline.photos import developed_images, with_targets
from higan_cam.pipeline.relit import lamps_of
from higan_cam.publish.lights import LitPair, Unlit
from higan_cam.relight import SRGB, Response
from higan_cam.relight.composers import Composed, Spot, load_composer
from higan_cam.types import BoolArray, Boundary, ByteArray, Edit, FloatArray, Generator, PictureCode, Place

WHOLE = 7 / 6
"""Times `edit.distance` at which lamps that were off have their whole light; chosen on 40 rooms, from .5 to 2."""


@dataclass(frozen=True, eq=False)
class LightEnds:
    """Draws strong ends of edits.

    Attributes:
        edit: what the edit moves, and how far for the whole light.
        unlit: score up to which a picture's lamps are off: what samples have on average at their weak ends.
    """

    generator: Generator
    boundary: Boundary
    edit: Edit
    unlit: float

    def distance(self, score: float, own: float) -> float:
        """How far the edit of a picture of this score goes, whose run went `own`: the whole way where its lamps are
        off, and never farther."""
        whole = self.edit.distance
        return whole if score <= self.unlit else min(own, whole)

    @torch.inference_mode()
    def draw(self, w_plus: FloatArray, distance: float) -> ByteArray:
        """(L,w_dim) code -> (R,R,3) uint8, the picture so far towards the strong side."""
        far = move(torch.from_numpy(w_plus[None]), self.boundary, replace(self.edit, distance=distance))
        drawn: ByteArray = to_uint8(self.generator.synthesize(far)[0])[0]
        return drawn


def light_ends(config: RunConfig, boundary: Boundary, generator: Generator) -> LightEnds | None:
    """Those of a run on pictures; None where the run's own ends are what was asked for (`edit.targets`), or go by
    distance because its scores do not answer the edit."""
    targets = with_targets(config, boundary).edit.targets
    if config.edit.targets is not None or targets is None:
        return None
    edit = plan_edit(config.edit, boundary, generator.edit_strength)
    return LightEnds(generator, boundary, replace(edit, distance=WHOLE * edit.distance), targets[0])


def strong_end(
    ends: LightEnds | None, w_plus: FloatArray, score: float, own: float, drawn: Callable[[], ByteArray]
) -> ByteArray:
    """(R,R,3) uint8: how strong an edit's light is put into a picture of this score.

    Args:
        ends: see `light_ends`. own: how far the run's edit went, and `drawn` gives its picture there, which is taken
            where that is as far as the light goes.
    """
    distance = own if ends is None else ends.distance(score, own)
    return drawn() if ends is None or distance == own else ends.draw(w_plus, distance)


@dataclass(frozen=True, eq=False)
class CarriedEdit:
    """A picture that a run has inverted, and what the edit makes of it. (H,W) is the picture's own size.

    Attributes:
        index, key: its number and name in the run's listing.
        picture: (H,W,3) uint8. mask: (H,W) uint8, 0 or 255.
        regions: where those of the mask lie, and their pixels (H,W).
        before, after: (S,S,3) uint8: what the generator draws from the picture's code, and the strong end, both as the
            picture's camera would have exposed them.
        affine: where the square lies in the picture.
    """

    index: int
    key: str
    picture: ByteArray
    mask: ByteArray
    regions: Sequence[tuple[Place, BoolArray]]
    before: ByteArray
    after: ByteArray
    affine: Affine


def carried_edit(
    code: PictureCode,
    picture: ByteArray,
    mask: ByteArray,
    regions: Sequence[tuple[Place, BoolArray]],
    ends: tuple[ByteArray, ByteArray],
) -> CarriedEdit:
    """The edit of a picture with this code: `ends` are (S,S,3) uint8 as the generator draws them, before and after."""
    before, after = developed_images(code, *ends)
    affine = Affine(*code.place, size=code.size, side=len(before))
    return CarriedEdit(code.index, code.key, picture, mask, regions, before, after, affine)


DARK = "no lamp of the edit changes a pixel by a level that is seen"


def carried_unit(
    config: LightConfig, seed: int, edits: Iterable[CarriedEdit | Unlit], response: Response = SRGB
) -> Iterator[LitPair | Unlit]:
    """Pairs of each picture, in order, one by one; why not, for a picture without.

    The composer `pair` makes the light of the edit one layer over the picture; its lamps (`relit.lamps_of`) are turned
    alone, the first `config.lamps` of them, to every gain with every colour.

    Args:
        response: curve of the pictures and of both ends.
    """
    for edit in edits:
        if isinstance(edit, Unlit):
            yield edit
            continue
        ends = {"before": edit.before, "after": edit.after, "affine": edit.affine}
        compose = load_composer("pair", **ends, response=response, **config.settings)
        # Where the light goes is the mask's to say; a place is only what a spot must have.
        made = compose(Spot(edit.picture, edit.regions[0][0], mask=edit.mask, seed=seed))
        lamps = [] if made.reason else lamps_of(made.picture, made.light, edit.regions, dials_of(config)[0])
        if not lamps:
            yield Unlit(edit.key, "empty", made.reason or DARK)
        variants = count()
        for place, light, name in lamps[: config.lamps]:
            lit = Composed(made.picture, light, made.settings)
            yield from pairs_of(config, lit, place, name, edit.index, edit.key, variants)
