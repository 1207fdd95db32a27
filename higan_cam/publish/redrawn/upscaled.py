"""Shards of enlarged pictures: a row for each picture of a listing, also for those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from higan_cam.publish.dataset import COLUMNS, PHOTO_COLUMNS, schema_of, write_rows
from higan_cam.publish.images import encode_image
from higan_cam.types import ByteArray

UPSCALED_COLUMNS: dict[str, tuple[Any, str]] = {
    "id": COLUMNS["id"],
    "index": ("int64", "number of the picture in the listing"),
    "picture_key": PHOTO_COLUMNS["picture_key"],
    "picture": ("image", "the picture at its own size, PNG, RGB, upright; null where there is no larger one"),
    "image": ("image", "the same, larger; likewise"),
    "status": ("string", "`ok`, `unreadable` where there is no picture, `too large` where the larger one would be"),
    "reason": ("string", "why not"),
    "notes": (["string"], "what reading the picture did"),
}
"""{column: (type, meaning)}."""


@dataclass(frozen=True, eq=False)
class Upscaled:
    """A picture of a listing and the same, larger; or the reason why not, with a status other than ok.

    Attributes:
        index, key: number and name in the listing.
        picture, image: (H,W,3) uint8 and (scale H,scale W,3); None where there is none.
        notes: what reading the picture did.
    """

    index: int
    key: str
    status: str
    reason: str = ""
    picture: ByteArray | None = None
    image: ByteArray | None = None
    notes: tuple[str, ...] = ()


def encode_upscaled(rows: Iterable[Upscaled]) -> bytes:
    """Rows -> Parquet, a row group each, written before the next is asked for; the same rows give the same bytes."""
    return write_rows(map(_row, rows), schema_of(UPSCALED_COLUMNS), 1)


def _row(row: Upscaled) -> dict[str, Any]:
    name = f"{row.index:09d}"
    images = {
        column: None if image is None else {"bytes": encode_image(image), "path": f"{name}.png"}
        for column, image in (("picture", row.picture), ("image", row.image))
    }
    return {
        "id": name,
        "index": row.index,
        "picture_key": row.key,
        **images,
        "status": row.status,
        "reason": row.reason,
        "notes": list(row.notes),
    }
