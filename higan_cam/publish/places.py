"""Shards of recommendations: a row for each picture of a listing, also for those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from higan_cam.publish.dataset import COLUMNS, LARGE_ROWS, PHOTO_COLUMNS, schema_of, write_rows
from higan_cam.publish.images import decode_heat, decode_image, encode_heat, encode_image
from higan_cam.publish.samples import region_row
from higan_cam.types import Place, Recommendation

PLACE_COLUMNS: dict[str, tuple[Any, str]] = {
    "id": COLUMNS["id"],
    "index": ("int64", "number of the picture in the listing"),
    "picture_key": PHOTO_COLUMNS["picture_key"],
    "picture": ("image", "the picture at its own size, PNG, RGB, upright; null where it cannot be read"),
    "picture_mask": (
        "image",
        "where the attribute answers, at that size: PNG, mode L, 0 or 255; likewise",
    ),
    "heat": ("image", "heat over the square that the student saw: 16-bit grey PNG, 65535 is heat 1; likewise"),
    "place": (["float64"], "scale, dx, dy: pixel (x, y) of `heat` lies at (scale x + dx, scale y + dy) in `picture`"),
    "places": PHOTO_COLUMNS["places"],
    "regions": COLUMNS["regions"],
    "status": ("string", "`ok`, `empty` where there is no place, `unreadable` where there is no picture"),
    "reason": ("string", "why not"),
    "notes": (["string"], "what reading the picture did"),
}
"""{column: (type, meaning)}."""


def encode_places(rows: Iterable[Recommendation], row_group: int = 100) -> bytes:
    """Rows -> Parquet, each encoded before the next is asked for; the same rows give the same bytes."""
    return write_rows(map(_row, rows), schema_of(PLACE_COLUMNS), min(row_group, LARGE_ROWS))


def decode_places(row: dict[str, Any]) -> Recommendation:
    """A row of a shard, of its `DECODED` columns -> what was encoded, without mask, regions and notes."""
    picture, heat = (row[name] and row[name]["bytes"] for name in ("picture", "heat"))
    return Recommendation(
        index=row["index"],
        key=row["picture_key"],
        status=row["status"],
        reason=row["reason"],
        picture=None if picture is None else decode_image(picture),
        heat=None if heat is None else decode_heat(heat),
        place=tuple(row["place"]),
        places=tuple(Place(**place) for place in row["places"]),
    )


DECODED = ("index", "picture_key", "status", "reason", "picture", "heat", "place", "places")
"""Columns that `decode_places` takes."""


def _row(row: Recommendation) -> dict[str, Any]:
    name = f"{row.index:09d}"
    images = {
        "picture": None if row.picture is None else encode_image(row.picture),
        "picture_mask": None if row.mask is None else encode_image(row.mask),
        "heat": None if row.heat is None else encode_heat(row.heat),
    }
    return {
        "id": name,
        "index": row.index,
        "picture_key": row.key,
        **{column: body and {"bytes": body, "path": f"{name}.png"} for column, body in images.items()},
        "place": list(row.place),
        "places": [asdict(place) for place in row.places],
        "regions": [region_row(region) for region in row.regions],
        "status": row.status,
        "reason": row.reason,
        "notes": list(row.notes),
    }
