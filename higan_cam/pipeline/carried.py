"""The generator's own edit of an inverted picture, as light in the picture: lamps of it, in pairs with words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from higan_cam.config import LightConfig
from higan_cam.pictures import Affine
from higan_cam.pipeline.lights import dials_of, pairs_of
from higan_cam.pipeline.relit import lamps_of
from higan_cam.publish.lights import LitPair, Unlit
from higan_cam.relight.composers import Composed, Spot, load_composer
from higan_cam.types import BoolArray, ByteArray, Place


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


DARK = "no lamp of the edit changes a pixel by a level that is seen"


def carried_unit(config: LightConfig, seed: int, edits: Iterable[CarriedEdit | Unlit]) -> Iterator[LitPair | Unlit]:
    """Pairs of each picture, in order, one by one; why not, for a picture without.

    The composer `pair` makes the light of the edit one layer over the picture; its lamps (`relit.lamps_of`) are turned
    alone, the first `config.lamps` of them, to every gain with every colour.
    """
    for edit in edits:
        if isinstance(edit, Unlit):
            yield edit
            continue
        compose = load_composer("pair", before=edit.before, after=edit.after, affine=edit.affine)
        # Where the light goes is the mask's to say; a place is only what a spot must have.
        made = compose(Spot(edit.picture, edit.regions[0][0], mask=edit.mask, seed=seed))
        lamps = [] if made.reason else lamps_of(made.picture, made.light, edit.regions, dials_of(config)[0])
        if not lamps:
            yield Unlit(edit.key, "empty", made.reason or DARK)
        variants = count()
        for place, light, name in lamps[: config.lamps]:
            lit = Composed(made.picture, light, made.settings)
            yield from pairs_of(config, lit, place, name, edit.index, edit.key, variants)
