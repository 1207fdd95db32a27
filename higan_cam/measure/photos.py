"""What is said of photos of rooms, against what is known of them: light, shades and lamps.

Shapes: N photos, S their side, K lamps. Heat and masks are compared at the photo's side; a method that answers at
another is brought there first. Figures are per photo, so that methods are compared pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from higan_cam.measure.masks import TOLERANCE
from higan_cam.rooms import localisation as metrics
from higan_cam.rooms.nuisances import Affine, move, move_masks
from higan_cam.rooms.photos import Grade, photos
from higan_cam.types import BoolArray, ByteArray, FloatArray

FIGURES = ("ap_light", "ap_shades", "iou", "pointing", "lamps")
"""Average precision of the heat on lit pixels and on shades; IoU of mask and lit pixels; the share of photos whose
hottest pixel is on a shade, within 4% of the width; the share of lamps whose shade the mask half covers."""


@dataclass(frozen=True, eq=False)
class KnownPhotos:
    """Photos of one grade.

    Attributes:
        images: (N,S,S,3) uint8. lit: (N,S,S) bool, the truth called light. shades: (N,K,S,S) bool.
        latents: (N,128). moved: (N,2,3), see `RoomPhoto.moved`.
    """

    grade: Grade
    lamps: bool
    images: ByteArray
    lit: BoolArray
    shades: BoolArray
    latents: FloatArray
    moved: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def name(self) -> str:
        """Such as "G1" or "G1, lamps off"."""
        return self.grade if self.lamps else f"{self.grade}, lamps off"


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method says: heat (N,S,S), of which order and peak count, and mask (N,S,S); N may be 1, for all photos."""

    heat: FloatArray
    mask: BoolArray


def known_photos(seed: int, count: int, grade: Grade, lamps: bool = True, *, size: int = 128) -> KnownPhotos:
    """The first `count` rooms of this seed with a lamp to be seen: the same rooms in every grade."""
    taken = list(photos(seed, count, grade, lamps, size=size))
    stacked = {name: np.stack([getattr(one, name) for one in taken]) for name in ("lit", "shades", "moved")}
    images, latents = (np.stack([getattr(one, name) for one in taken]) for name in ("image", "latent"))
    return KnownPhotos(grade, lamps, images=images, latents=latents, **stacked)


def moved_along(answer: Answer, moved: npt.NDArray[np.float64]) -> Answer:
    """What was said of the clean rooms, where the photos show it: (N,2,3) moves, one for each photo."""
    affines: list[Affine] = list(moved)
    heat = np.stack([move(one, affine) for one, affine in zip(answer.heat, affines, strict=True)])
    mask = np.stack([move_masks(one[None], affine)[0] for one, affine in zip(answer.mask, affines, strict=True)])
    return Answer(heat, mask)


def figures_of(answer: Answer, known: KnownPhotos) -> dict[str, FloatArray]:
    """{one of `FIGURES`: (N,) values}, one for each photo."""
    heat: FloatArray = np.broadcast_to(answer.heat, known.lit.shape)
    mask: BoolArray = np.broadcast_to(answer.mask, known.lit.shape)
    fixtures: BoolArray = np.logical_or.reduce(known.shades, axis=1)
    return {
        "ap_light": metrics.average_precision(heat, known.lit),
        "ap_shades": metrics.average_precision(heat, fixtures),
        "iou": metrics.iou(mask, known.lit),
        "pointing": metrics.pointing(heat, fixtures, TOLERANCE * heat.shape[1]),
        "lamps": metrics.lamp_recall(mask, known.shades),
    }
