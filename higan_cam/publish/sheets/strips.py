"""Strips of edited pictures on one PNG: a row per sample, a picture per step, a caption under each.

Small pictures are enlarged by whole numbers so that pixels stay what they are; large ones are reduced by area
averaging. The same pictures give the same bytes on the same Pillow.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from higan_cam.publish.sheets.contact_sheet import BACKGROUND, GAP, INK, LEADING, MARGIN, MUTED, cut, fitted, font
from higan_cam.types import ByteArray

_SMALLEST, _LARGEST = 128, 256
"""Side of a picture, pixels."""
_SIZES = {"title": 20, "section": 16, "heading": 12, "caption": 12}


@dataclass(frozen=True, eq=False)
class Strip:
    """One row: (H,W,3) uint8 RGB pictures, and the lines under each of them."""

    heading: str
    pictures: Sequence[ByteArray]
    captions: Sequence[tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class StripSection:
    """A headed group of strips."""

    title: str
    strips: Sequence[Strip]


def draw_strips(title: str, notes: Sequence[str], sections: Sequence[StripSection]) -> bytes:
    """The sheet as PNG; it grows with its pictures. ValueError: no picture at all, or captions for other pictures."""
    strips = [strip for section in sections for strip in section.strips]
    if not any(strip.pictures for strip in strips):
        raise ValueError("no pictures to draw")
    if any(len(strip.pictures) != len(strip.captions) for strip in strips):
        raise ValueError("each picture needs its caption")
    longest = max(max(picture.shape[:2]) for strip in strips for picture in strip.pictures)
    side = min(_LARGEST, longest * max(1, -(-_SMALLEST // longest)))
    across = max(len(strip.pictures) for strip in strips)
    width = 2 * MARGIN + across * (side + GAP) - GAP
    canvas = Image.new("RGB", (width, _layout(None, title, notes, sections, side)), BACKGROUND)
    _layout(canvas, title, notes, sections, side)
    sink = io.BytesIO()
    canvas.save(sink, "PNG", compress_level=6)
    return sink.getvalue()


def _layout(
    canvas: Image.Image | None, title: str, notes: Sequence[str], sections: Sequence[StripSection], side: int
) -> int:
    """Draw on the canvas where there is one; the height of it all, pixels."""
    y = _write(canvas, (MARGIN, MARGIN), title, "title")
    for note in notes:
        y = _write(canvas, (MARGIN, y), note, "caption", MUTED)
    for section in sections:
        y = _write(canvas, (MARGIN, y + GAP), section.title, "section")
        for strip in section.strips:
            y = _strip(canvas, y + GAP, strip, side)
    return y + MARGIN


def _strip(canvas: Image.Image | None, top: int, strip: Strip, side: int) -> int:
    """One row; the y below it."""
    bottom = pictures = _write(canvas, (MARGIN, top), strip.heading, "heading")
    for place, (picture, captions) in enumerate(zip(strip.pictures, strip.captions, strict=True)):
        x, y = MARGIN + place * (side + GAP), pictures + side + GAP // 2
        if canvas is not None:
            canvas.paste(Image.fromarray(np.ascontiguousarray(fitted(picture, side))), (x, pictures))
        for caption in captions:
            y = _write(canvas, (x, y), caption, "caption", MUTED, side)
        bottom = max(bottom, y)
    return bottom


def _write(
    canvas: Image.Image | None,
    corner: tuple[int, int],
    text: str,
    style: str,
    ink: tuple[int, int, int] = INK,
    room: int | None = None,
) -> int:
    """One line, cut after `room` pixels (None: where the sheet ends); the y below it."""
    if canvas is not None:
        face = font(_SIZES[style], bold=style != "caption")
        ImageDraw.Draw(canvas).text(corner, cut(text, face, room or canvas.width - MARGIN - corner[0]), ink, face)
    return corner[1] + round(LEADING * _SIZES[style])
