"""`pair`: the light between the generator's two ends of an edit, carried into the photo that they were made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from higan_cam.pictures.carrying import to_picture
from higan_cam.pictures.fitting import Affine
from higan_cam.pictures.paste import feathered
from higan_cam.relight.composers.compose import Composed, Spot, nothing
from higan_cam.relight.light import Light, own_temperature
from higan_cam.relight.response import SRGB, Response
from higan_cam.types import ByteArray, FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class PairSettings:
    """Both ends of an edit.

    Attributes:
        before: (S,S,3) uint8, what the generator draws from the photo's code (the reconstruction).
        after: (S,S,3) uint8, the strong end.
        affine: where the square lies in the photo.
        feather: width over which light fades out around the mask, as a share (0..2) of the square's side: it falls
            farther than the pixels that an edit's mask holds. Chosen on 40 rooms; .02 is that of pasted edits.
        response: curve of the photo and of both ends.

    Raises:
        ValueError: the two ends are not pictures of one size, or as `check_feather`.
    """

    before: ByteArray
    after: ByteArray
    affine: Affine
    feather: float = 0.3
    response: Response = SRGB

    def __post_init__(self) -> None:
        """Check what `to_picture` would take for something else."""
        found = [f"{end.shape} {end.dtype}" for end in (self.before, self.after)]
        if found[0] != found[1] or self.before.ndim != 3 or self.before.shape[2] != 3 or self.before.dtype != np.uint8:
            raise ValueError(f"both ends of a pair must be (S,S,3) uint8 of one size, got {' and '.join(found)}")
        check_feather(self.feather)


def check_feather(feather: object) -> None:
    """ValueError: it is no number from 0 to 2."""
    if isinstance(feather, bool) or not isinstance(feather, int | float) or not 0 <= feather <= 2:
        raise ValueError(f"feather must be a share of the square's side, 0 to 2, got {feather!r}")


class Pair:
    """Delta transfer: photo + (strong end - reconstruction) in light, in and around the mask, where it is brighter.

    The photo stays as it is, byte for byte: what gets darker between the ends is left out. Where nothing gets darker,
    `relight` at gain 1 gives within the mask `pictures.paste.paste_change` of the same ends, to a level.
    """

    def __init__(self, settings: PairSettings) -> None:
        self._settings = settings

    @property
    def digests(self) -> dict[str, str]:
        """None: it has no weights of its own."""
        return {}

    def __call__(self, spot: Spot) -> Composed:
        """ValueError where the spot's picture is of another size than the one that the affine belongs to."""
        ends = self._settings
        if spot.picture.shape[:2] != ends.affine.size:
            raise ValueError(
                f"the square is of a picture of {ends.affine.size}, the spot's is {spot.picture.shape[:2]}"
            )
        square = {"scale": ends.affine.scale, "dx": ends.affine.dx, "dy": ends.affine.dy, "side": ends.affine.side}
        own: dict[str, object] = {"feather": ends.feather, "response": ends.response.name}
        settings: dict[str, object] = {"composer": "pair", "seed": spot.seed, **own, **square}
        weight = self._weight(spot)
        if not weight.any():
            return nothing(spot, "the mask is empty: nothing may change", settings)
        layer = _carried(ends) * weight[..., None]
        if not layer.any():
            return nothing(spot, "the strong end is nowhere brighter where the mask is", settings)
        kelvin = own_temperature(layer, to_picture(ends.before, ends.affine), ends.response)
        return Composed(spot.picture.copy(), Light(layer, kelvin, ends.response), settings)

    def _weight(self, spot: Spot) -> FloatArray:
        """(H,W) in [0,1]: light fades beyond the mask, and, over a third of that way, to where the square ends."""
        affine = self._settings.affine
        if spot.mask is None:
            return np.ones(affine.size, np.float32)
        reach = self._settings.feather * affine.side * affine.scale
        return feathered(spot.mask, reach) * _within(affine, reach / 3)


def _within(affine: Affine, reach: float) -> FloatArray:
    """(H,W) float32: 1 well inside the square, 0 beyond it; all 1 where the photo ends with the square."""
    beyond = to_picture(np.ones((affine.side, affine.side), np.float32), affine) == 0
    return 1 - feathered(beyond.astype(np.uint8), reach)


def _carried(ends: PairSettings) -> FloatArray:
    """(H,W,3) float32 light in the photo, >= 0; 0 outside of the square."""
    change = (ends.response.light(ends.after) - ends.response.light(ends.before)).astype(np.float32)
    carried: FloatArray = np.maximum(to_picture(change, ends.affine), 0)
    return carried
