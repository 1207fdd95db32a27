"""Shards of pictures with light in them: a row for each pair, under the names that trainers of edits take."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from higan_cam.publish.dataset import COLUMNS, LARGE_ROWS, PHOTO_COLUMNS, schema_of, write_rows
from higan_cam.publish.images import encode_image
from higan_cam.store.canonical import canonical_json
from higan_cam.types import ByteArray, Place

LIGHT_COLUMNS: dict[str, tuple[Any, str]] = {
    "id": COLUMNS["id"],
    "index": ("int64", "number of the picture in the listing"),
    "variant": ("int64", "number of the pair among those of the picture"),
    "picture_key": PHOTO_COLUMNS["picture_key"],
    "input_image": ("image", "the picture before, at its own size, PNG, RGB"),
    "edit_prompt": ("string", "what to say to get from the one to the other"),
    "edited_image": ("image", "the picture after; likewise"),
    "places": PHOTO_COLUMNS["places"],
    "gain": (["float64"], "of the lamp, before and after: 0 is off, 1 its light as the composer makes it"),
    "kelvin": (["float64"], "colour temperature, before and after"),
    "settings": ("string", "of the composer, JSON: the same settings and picture give the same light"),
}
"""{column: (type, meaning)}."""


@dataclass(frozen=True, eq=False)
class LitPair:
    """Two pictures that differ by the light of one lamp, and what to say to get from the first to the second.

    Attributes:
        index, key: number and name of the picture in the listing; variant: of the pair among those of the picture.
        before, after: (H,W,3) uint8. words: the instruction.
        place: of the lamp. gains, kelvins: of it, before and after.
        settings: the composer's, as JSON has them.
    """

    index: int
    key: str
    variant: int
    before: ByteArray
    after: ByteArray
    words: str
    place: Place
    gains: tuple[float, float]
    kelvins: tuple[float, float]
    settings: Mapping[str, object]


@dataclass(frozen=True)
class Unlit:
    """A picture, or a place in it, without a pair: status empty (no place, or none that works) or unreadable."""

    key: str
    status: str
    reason: str


WITHOUT = "higan_cam.without"
"""Note of a shard: JSON, (name, status, reason) of each picture that has no pair."""


def encode_lights(pairs: Iterable[LitPair | Unlit], row_group: int = 100) -> tuple[bytes, int]:
    """Pairs -> Parquet and the number of its rows, each encoded before the next is asked for.

    A picture without a pair is no row, since whoever trains on the rows would stumble over it, but in the file's note
    `WITHOUT`.
    """
    count, without = 0, []

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal count
        for pair in pairs:
            if isinstance(pair, Unlit):
                without.append((pair.key, pair.status, pair.reason))
            else:
                count += 1
                yield _row(pair)

    def notes() -> dict[str, str]:
        return {WITHOUT: json.dumps(without, ensure_ascii=False)}

    body = write_rows(rows(), schema_of(LIGHT_COLUMNS), min(row_group, LARGE_ROWS), notes)
    return body, count


def _row(pair: LitPair) -> dict[str, Any]:
    name = f"{pair.index:09d}-{pair.variant:02d}"
    images = {"input_image": pair.before, "edited_image": pair.after}
    cells = {column: {"bytes": encode_image(image), "path": f"{name}.png"} for column, image in images.items()}
    return {
        "id": name,
        "index": pair.index,
        "variant": pair.variant,
        "picture_key": pair.key,
        **cells,
        "edit_prompt": pair.words,
        "places": [asdict(pair.place)],
        "gain": list(pair.gains),
        "kelvin": list(pair.kelvins),
        "settings": canonical_json(dict(pair.settings)).decode(),
    }
