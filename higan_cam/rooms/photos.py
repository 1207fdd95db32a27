"""Photos of rooms with known truth: renders of latents that nothing else uses, never samples of a generator.

Grades: `G1` a clean render; `G2` the same room as a camera takes it (`nuisances`), with the truth moved along; `G3` as
`G2`, in colours that no generator of rooms has seen. The room, the camera and the colours of a photo depend on (seed,
index) alone, so that grades are compared room by room. With `lamps=False` every lamp is off, with "all" every
lamp is on; the truth is what each lamp adds, or would.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count as count_up
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from higan_cam.rooms.nuisances import STILL, Affine, affine_of, develop, draw_nuisances, levels, move, move_masks
from higan_cam.rooms.render import PALETTE, render
from higan_cam.rooms.scene import Z_DIM, Scene, scene_of
from higan_cam.rooms.truth import LIT, truth
from higan_cam.types import BoolArray, ByteArray
from higan_cam.worlds.factors import Float32Array

Grade = Literal["G1", "G2", "G3"]
GRADES: tuple[Grade, ...] = get_args(Grade)
Lamps = bool | Literal["all"]
"""As they happen to burn, none of them, or all that there are."""
PHOTO_SEED = 2**61 + 778
"""Of the photos that figures are reported on: no run, training or choice uses it."""
TUNING_SEED, POOL_SEED = 2**61 + 901, 2**61 + 902
"""Of photos for looking and choosing, and of others whose light makes constant maps."""
OFF = -1.0
"""A drive at which a lamp is off, the lowest."""
_CAMERA, _COLOURS, _NOISE = 1, 2, 3
"""Streams of random numbers beside the latent's own, 0."""
SATURATION, VALUE = (0.35, 0.85), (0.30, 0.90)
"""Of unseen colours; hues are any."""


@dataclass(frozen=True, eq=False)
class RoomPhoto:
    """A photo and what is known about it, everything where the photo shows it.

    Attributes:
        image: (S,S,3) uint8 RGB.
        light: (S,S) float32, display luminance in [0,1] that the lamps add together, each fully on compared with off.
        shades: (K,S,S) bool, visible shades of the present lamps, empty for absent ones.
        present: (K,) bool, which lamps exist.
        moved: (2,3) where a pixel of the clean render is in the photo (`nuisances.Affine`).
        latent: (128,) float32.
        grade: of the photo.
    """

    image: ByteArray
    light: Float32Array
    shades: BoolArray
    present: npt.NDArray[np.bool_]
    moved: Affine
    latent: Float32Array
    grade: Grade

    @property
    def lit(self) -> BoolArray:
        """(S,S) the truth called light: more than `LIT` of the light at the brightest pixel."""
        lit: BoolArray = self.light > LIT * self.light.max()
        return lit

    @property
    def lamps(self) -> BoolArray:
        """(S,S) the truth called fixtures: visible shades of all lamps."""
        return np.asarray(self.shades.any(axis=0))


def photo(seed: int, index: int, grade: Grade, lamps: Lamps = True, *, size: int = 128) -> RoomPhoto:
    """The photo of one room, `size` px a side.

    Raises:
        ValueError: another grade; a size that is no positive multiple of 32; seed or index out of 0..2^64-1.
    """
    if grade not in GRADES:
        raise ValueError(f"grade must be one of {', '.join(GRADES)}, got {grade!r}")
    latent = photo_latent(seed, index)
    return _taken(seed, index, grade, latent, photo_scene(seed, index, latent, grade, lamps), size)


def photos(seed: int, count: int, grade: Grade, lamps: Lamps = True, *, size: int = 128) -> Iterator[RoomPhoto]:
    """The first `count` rooms with a lamp to be seen, the same rooms in every grade.

    Raises:
        ValueError: as `photo`.
    """
    found = 0
    for index in count_up():
        if found == count:
            return
        if _visible(photo_latent(seed, index), size):
            found += 1
            yield photo(seed, index, grade, lamps, size=size)


def photo_latent(seed: int, index: int) -> Float32Array:
    """(128,) standard normal, scaled to length sqrt(128): the latent that a run of this seed has at this index."""
    z = _stream(seed, index, 0).standard_normal(Z_DIM)
    scaled: Float32Array = (z * (np.sqrt(Z_DIM) / np.linalg.norm(z))).astype(np.float32)
    return scaled


def photo_scene(seed: int, index: int, latent: Float32Array, grade: Grade, lamps: Lamps = True) -> Scene:
    """The one scene that a photo shows."""
    scene = scene_of(latent[None])
    if lamps is not True:
        scene = replace(scene, drive=np.full_like(scene.drive, -OFF if lamps == "all" else OFF))
    return replace(scene, tints=unseen_tints(_stream(seed, index, _COLOURS))[None]) if grade == "G3" else scene


def unseen_tints(source: np.random.Generator) -> Float32Array:
    """(T,3) sRGB of every entry of the palette: any hue, each drawn by itself."""
    hues = source.uniform(0, 1, len(PALETTE))
    saturations, values = source.uniform(*SATURATION, len(PALETTE)), source.uniform(*VALUE, len(PALETTE))
    tints = [colorsys.hsv_to_rgb(*map(float, hsv)) for hsv in zip(hues, saturations, values, strict=True)]
    return np.array(tints, np.float32)


def _taken(seed: int, index: int, grade: Grade, latent: Float32Array, scene: Scene, size: int) -> RoomPhoto:
    picture = np.asarray((render(scene, size)[0].permute(1, 2, 0).numpy() + 1) / 2, np.float32)
    known = truth(scene, size)
    light, shades = known.light[0].sum(dim=0).numpy(), known.fixture[0].numpy()
    if grade == "G1":
        return RoomPhoto(levels(picture), light, shades, known.present[0], STILL.copy(), latent, grade)
    nuisances = draw_nuisances(_stream(seed, index, _CAMERA))
    moved = affine_of(nuisances, size)
    image = develop(move(picture, moved), nuisances, _stream(seed, index, _NOISE))
    return RoomPhoto(image, move(light, moved), move_masks(shades, moved), known.present[0], moved, latent, grade)


def _visible(latent: Float32Array, size: int) -> bool:
    known = truth(latent[None], size)
    return bool(known.fixture.any()) and float(known.light.max()) > 0


def _stream(seed: int, index: int, number: int) -> np.random.Generator:
    """Random numbers of their own for each (seed, index, number): the number is the counter's highest word."""
    for name, value in (("seed", seed), ("index", index)):
        if not 0 <= value < 2**64:
            raise ValueError(f"{name} must be in 0..2^64-1, got {value}")
    counter = np.array([0, 0, 0, number], np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=np.array([seed, index], np.uint64)))
