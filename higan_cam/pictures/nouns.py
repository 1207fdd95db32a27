"""What the room speaks of: a row of a listing, a picture that was read, and why one was not."""

from __future__ import annotations

from dataclasses import dataclass

from higan_cam.types import ByteArray

Colour = tuple[int, int, int]
"""RGB, each 0 to 255."""
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class PictureRow:
    """One picture of a listing: index i is this picture for as long as the listing is there.

    Attributes:
        index: place in the listing, from 0.
        key: name below the source: a path, a member of an archive, `FILE.parquet#ROW`, or a path as a table spells it.
        bytes: of the encoded picture; 0 where it could not be read when it was listed.
        etag: identity of the content: `sha256:…`, or `etag:…` as an object store gave it; "" where it could not be
            read when it was listed.
        offset: of its first byte in an unpacked tar, of its header in a zip; 0 anywhere else.
        duplicate_of: the first index that has the same content, where that is another one.
    """

    index: int
    key: str
    bytes: int
    etag: str
    offset: int = 0
    duplicate_of: int | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is seen.

    Attributes:
        image: (H,W,3) uint8 RGB, upright.
        notes: what was done to it or left aside, in words: "alpha on white", "first of 12 frames".
    """

    image: ByteArray
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unreadable:
    """A file that is no picture, or none that can be read.

    Attributes:
        reason: why, in a few words that fit behind the file's name.
    """

    reason: str
