"""Two photographs of one place, its lamp off and on -> where the lamp adds light.

That is where linear luminance grows by more than `LIT` of the most that it grows by, and by more than noise does. It is
measured in squares of S pixels, the largest in the middle of the photographs. They must be registered: nothing here
moves one onto the other. Light that is too bright for the file counts as far as the file goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.generate.images import from_uint8
from higan_cam.losses.light import linear_light
from higan_cam.measure.pair_layouts import LAYOUTS
from higan_cam.pictures import Affine, PictureRow, Unreadable, fit_square
from higan_cam.pipeline.inverting import Read
from higan_cam.relight.pair_masks import pair_noise
from higan_cam.rooms.truth import LIT
from higan_cam.types import BoolArray, ByteArray, FloatArray

NOISE = 6.0
"""Standard deviations of the noise that light stands out from: of a million pixels of noise alone none does."""


@dataclass(frozen=True, eq=False)
class KnownPair:
    """The unlit picture: its row, its square (S,S,3) uint8, where that lies in it; and where light is added, (S,S)."""

    off: PictureRow
    square: ByteArray
    affine: Affine
    lit: BoolArray


@dataclass(frozen=True)
class LeftOut:
    """A pair that says nothing, and why; keys are None where there is no such picture."""

    off: str | None
    on: str | None
    reason: str


def known_pairs(
    rows: Sequence[PictureRow], read: Read, layout: str, side: int
) -> tuple[list[KnownPair], list[LeftOut]]:
    """The pairs that can be used, squares of `side` pixels, and the others. Two pictures at a time have their own size.

    Raises:
        ConfigError: as `measure_pairs`.
    """
    if layout not in LAYOUTS:
        raise unknown_name("--layout", layout, LAYOUTS)
    by_key = {row.key: row for row in rows}
    found = [_pair(by_key, read, *keys, side) for keys in LAYOUTS[layout](list(by_key))]
    left_out = [each for each in found if isinstance(each, LeftOut)]
    pairs = [each for each in found if isinstance(each, KnownPair)]
    if not pairs:
        first = next(iter(left_out), None)
        example = min(by_key, default="none") if first is None else f"{first.on or first.off}: {first.reason}"
        raise ConfigError(
            f"pictures: {len(rows)} pictures and no usable pair in the layout {layout!r} (such as {example}); name the "
            f"layout of these ({', '.join(LAYOUTS)}), or make folders off and on with files of one name"
        )
    return pairs, left_out


def light_added(off: ByteArray, on: ByteArray) -> BoolArray:
    """(S,S,3) uint8 twice -> (S,S) where light is added, as the module says; nowhere where noise adds as much."""
    change = luminance(on) - luminance(off)
    lit: BoolArray = change > max(LIT * float(change.max()), NOISE * pair_noise(change))
    return lit


def luminance(picture: ByteArray) -> FloatArray:
    """(S,S,3) uint8 -> (S,S) linear luminance in [0,1], as `light_change` takes it."""
    return linear_light(from_uint8(picture[None]))[0].numpy()


def _pair(
    by_key: Mapping[str, PictureRow], read: Read, off: str | None, on: str | None, side: int
) -> KnownPair | LeftOut:
    if off is None or on is None:
        return LeftOut(off, on, f"no picture of it with the lamp {'off' if off is None else 'on'}")
    images = []
    for key in (off, on):
        picture = read(by_key[key])
        if isinstance(picture, Unreadable):
            return LeftOut(off, on, f"{key}: {picture.reason}")
        images.append(picture.image)
    if images[0].shape != images[1].shape:
        (height, width, _), (other_height, other_width, _) = (image.shape for image in images)
        return LeftOut(off, on, f"not of one size: {width} x {height} off, {other_width} x {other_height} on")
    (square, affine), (lit_square, _) = (fit_square(image, side) for image in images)
    lit = light_added(square, lit_square)
    if not lit.any():
        return LeftOut(off, on, "no light is added that stands out from the noise")
    return KnownPair(by_key[off], square, affine, lit)
