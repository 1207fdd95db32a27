"""The gallery of `higan-cam recommend`: pictures of the listing, up to a limit, with their places and heat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.report.gallery.page import PLACES as PAGE
from higan_cam.publish.report.gallery.page import render_gallery
from higan_cam.publish.report.gallery.samples import GallerySummary, Reading, short, write_pictures
from higan_cam.publish.report.gallery.thumbnails import (
    Thumbnail,
    colour_tile,
    heat_tile,
    reduced_size,
    thumbnail_of,
)
from higan_cam.store.keys import GALLERY_KEY
from higan_cam.store.store import Store
from higan_cam.types import FloatArray, ShardRecord

_COLUMNS = ("index", "picture_key", "status", "reason", "places", "regions")
_PICTURES = ("picture", "picture_mask", "heat", "place")
LIMIT, ROWS = 1_000, 4
"""Pictures in the gallery, from evenly spread shards, and in one of its files: each is decoded at its own size."""
_BLANK, _GREY = 64, 128
"""Side and level of the square that stands for a picture that cannot be read."""


def write_places_gallery(
    store: Store, records: Mapping[int, ShardRecord], attribute: str, meaning: str
) -> GallerySummary:
    """Write the gallery of these shards of places. StoreError: one cannot be read.

    Args:
        attribute: of the student. meaning: of mask and places, one sentence or two.
    """
    words = {"id": "picture_key", "reason": "reason"}
    reading = Reading(
        columns=(*_COLUMNS, *_PICTURES), words=words, thumbnail=_thumbnail, figures=_figures, limit=LIMIT, rows=ROWS
    )
    summary = write_pictures(store, records, reading)
    store.put(GALLERY_KEY, render_gallery(attribute, store.uri, _note(summary), PAGE, meaning).encode())
    return summary


def _note(summary: GallerySummary) -> str:
    if summary.shown == summary.samples:
        return f"All {summary.samples:,} pictures."
    return f"{summary.shown:,} of {summary.samples:,} pictures, from evenly spread shards."


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    first = [row["places"][0] if row["places"] else {"x": None, "y": None} for row in rows]
    return {
        "index": [row["index"] for row in rows],
        "key": [row["picture_key"] for row in rows],
        "status": [row["status"] for row in rows],
        "places": [len(row["places"]) for row in rows],
        "heat": [short(max((region["max_heat"] for region in row["regions"]), default=None)) for row in rows],
        **{axis: [short(place[axis]) for place in first] for axis in ("x", "y")},
    }


def _thumbnail(row: Mapping[str, Any]) -> Thumbnail:
    if row["picture"] is None:
        blank = np.full((_BLANK, _BLANK, 3), _GREY, np.uint8)
        return thumbnail_of([blank, np.zeros_like(blank)], np.zeros((_BLANK, _BLANK), np.uint8))
    picture, mask = (decode_image(row[name]["bytes"]) for name in ("picture", "picture_mask"))
    heat = _in_picture(decode_heat(row["heat"]["bytes"]), row["place"], mask.shape[0], mask.shape[1])
    return thumbnail_of([colour_tile(picture), heat_tile(heat)], mask)


def _in_picture(heat: FloatArray, place: Sequence[float], height: int, width: int) -> FloatArray:
    """Heat over a square of a picture of (height,width) -> over its thumbnail, 0 beside the square."""
    scale, dx, dy = place
    size = reduced_size(height, width)
    across, down = size[0] / width, size[1] / height
    moved = np.array([[scale * across, 0, (dx + 0.5) * across - 0.5], [0, scale * down, (dy + 0.5) * down - 0.5]])
    return np.clip(np.asarray(cv2.warpAffine(heat, moved, size), np.float32), 0, 1)
