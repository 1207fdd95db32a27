"""A file -> a picture with the places that a student sees in it, and light at one of them. Keeps nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from higan_cam.app.limits import Limits
from higan_cam.config import RunConfig, load_config
from higan_cam.mask.student import Student
from higan_cam.pictures import Picture, PictureRow, Unreadable, decode_picture
from higan_cam.pipeline.lights import lamp_shares
from higan_cam.pipeline.recommend import recommend_unit
from higan_cam.relight.composers import Composed, Composer, Spot
from higan_cam.types import ByteArray, Place, Recommendation

OWN = -1
"""Rank of a place that the user has chosen."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture and what the student says of it.

    Attributes:
        digest: sha256 of the file, hexadecimal.
        picture: (H,W,3) uint8 RGB, upright.
        notes: what reading it did.
        places: at most three, the best first; none with a reason.
        answer: what the places come from.
    """

    digest: str
    picture: ByteArray
    notes: tuple[str, ...]
    places: tuple[Place, ...]
    reason: str
    answer: Recommendation


@dataclass(frozen=True, eq=False)
class Eye:
    """A student with what it needs to look at files.

    Attributes:
        config: of the student's places, as `recommend` has it.
        limits: of the files.
    """

    student: Student
    config: RunConfig
    limits: Limits

    def look(self, content: bytes) -> Seen | Unreadable:
        """The picture of a file with its places, or why it cannot be used."""
        found = self._read(content)
        if isinstance(found, Unreadable):
            return found
        digest = hashlib.sha256(content).hexdigest()
        row = PictureRow(0, "upload", len(content), f"sha256:{digest}")
        (answer,) = recommend_unit(self.student, self.config, [row], lambda _row: found)
        return Seen(digest, found.image, found.notes, answer.places, answer.reason, answer)

    def light(self, seen: Seen, place: Place, lamp: ByteArray | None, composer: Composer) -> Composed:
        """A lamp, or its light alone, at a place: of the student's with its share of the heat, else without heat."""
        heat = None if place.rank == OWN else lamp_shares(seen.answer)[place.rank]
        return composer(Spot(seen.picture, place, heat, lamp=lamp))

    def _read(self, content: bytes) -> Picture | Unreadable:
        if len(content) > self.limits.upload_bytes:
            return Unreadable(f"{len(content):,} bytes, more than {self.limits.upload_bytes:,}; make it smaller")
        found = decode_picture(content, most_pixels=self.limits.pixels)
        if isinstance(found, Unreadable):
            return found
        height, width = found.image.shape[:2]
        problem = self.limits.problem(width, height)
        return Unreadable(problem) if problem else found


def places_config() -> RunConfig:
    """As `recommend` has it, but that the student sees the whole picture: where its square ends, so does the light."""
    return load_config(None, ["source.fit=pad"])


def asked_place(said: Mapping[str, Any], seen: Seen) -> Place | str:
    """The place that a request names, by `rank` or by `x` and `y` in shares; or what is wrong with it."""
    rank, x, y = (said.get(name) for name in ("rank", "x", "y"))
    if isinstance(rank, int) and not isinstance(rank, bool):
        known = {place.rank: place for place in seen.places}
        return known.get(rank, f"place {rank + 1}: this picture has {len(seen.places)}")
    if isinstance(x, int | float) and isinstance(y, int | float) and 0 <= x <= 1 and 0 <= y <= 1:
        return Place(OWN, float(x), float(y), float(x), float(y), 0.0, 0.0)
    return "a place is a rank, or x and y from 0 to 1"
