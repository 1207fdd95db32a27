"""A contact sheet: samples side by side on one PNG, each with its pictures, its figures and its caption.

Four panels a sample: strong (`image`), weak (`negative`), heat, and the strong picture with what lies outside the mask
darkened and the mask's edge drawn. Small pictures are enlarged by whole numbers so that pixels stay what they are;
large ones are reduced by area averaging. The same samples give the same bytes on the same Pillow.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from higan_cam.types import ByteArray, FloatArray

PANELS = ("strong", "weak", "heat", "mask")
MARGIN, GAP, _COLUMNS = 20, 6, 2
_SMALLEST, _LARGEST = 128, 192
"""Side of a panel, pixels."""
BACKGROUND, INK, MUTED, _EDGE = (250, 249, 246), (28, 28, 30), (110, 108, 104), (255, 214, 10)
_SIZES = {"title": 20, "section": 16, "heading": 12, "line": 12}
_LONGEST_LINE = 1_000
"""Characters that are measured at all; a line holds about 80."""
LEADING = 1.4
"""Distance of lines, in font sizes."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One sample: (H,W,3) uint8 RGB pictures, heat (h,w) in [0,1], mask (H,W) uint8 0/255, and what to write there."""

    heading: str
    strong: ByteArray
    weak: ByteArray
    heat: FloatArray
    mask: ByteArray
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Section:
    """A headed group of tiles; without any, `empty` says why."""

    title: str
    tiles: tuple[Tile, ...]
    empty: str = "none"


def draw_sheet(title: str, notes: Sequence[str], sections: Sequence[Section]) -> bytes:
    """The sheet as PNG. Its height follows from the number of tiles, its width from their pictures."""
    tiles = [tile for section in sections for tile in section.tiles]
    side = panel_side(max((max(tile.strong.shape[:2]) for tile in tiles), default=_SMALLEST))
    sheet = _Sheet(side, max((len(tile.lines) for tile in tiles), default=0))
    height = sheet.layout(None, title, notes, sections)
    canvas = Image.new("RGB", (sheet.width, height), BACKGROUND)
    sheet.layout(canvas, title, notes, sections)
    sink = io.BytesIO()
    canvas.save(sink, "PNG", compress_level=6)
    return sink.getvalue()


def panel_side(longest: int) -> int:
    """Side of the panels for pictures of this longest side: a whole multiple where they are small."""
    return min(_LARGEST, longest * max(1, -(-_SMALLEST // longest)))


def panels(tile: Tile, side: int) -> list[ByteArray]:
    """The four panels of a tile, (side,side,3) uint8 RGB each, in the order of `PANELS`."""
    return [fitted(tile.strong, side), fitted(tile.weak, side), coloured(tile.heat, side), _masked(tile, side)]


def coloured(heat: FloatArray, side: int) -> ByteArray:
    """Heat (h,w) in [0,1] -> (side,side,3) uint8 RGB, from black to light yellow."""
    levels = (np.clip(heat, 0.0, 1.0) * 255).round().astype(np.uint8)
    return np.asarray(cv2.applyColorMap(fitted(levels, side), cv2.COLORMAP_INFERNO), np.uint8)[:, :, ::-1]


def _masked(tile: Tile, side: int) -> ByteArray:
    picture = fitted(tile.strong, side).copy()
    inside = np.asarray(cv2.resize(tile.mask, (side, side), interpolation=cv2.INTER_NEAREST) > 0, np.uint8)
    picture[inside == 0] //= 3
    edge = inside - cv2.erode(inside, np.ones((3, 3), np.uint8))
    picture[edge > 0] = _EDGE
    return picture


def fitted(image: ByteArray, side: int) -> ByteArray:
    """A picture at that side, pixels: enlarged without blurring, reduced by area."""
    reduce = max(image.shape[:2]) > side
    resized = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if reduce else cv2.INTER_NEAREST)
    return np.asarray(resized, np.uint8)


class _Sheet:
    """Where everything goes, once to measure and once to draw."""

    def __init__(self, side: int, lines: int) -> None:
        self.side, self.lines = side, lines
        self.tile_width = len(PANELS) * side + (len(PANELS) - 1) * GAP
        self.width = 2 * MARGIN + _COLUMNS * self.tile_width + (_COLUMNS - 1) * MARGIN
        self.fonts = {name: font(size, bold=name != "line") for name, size in _SIZES.items()}

    def layout(self, canvas: Image.Image | None, title: str, notes: Sequence[str], sections: Sequence[Section]) -> int:
        """Draw on the canvas where there is one; the height of it all, pixels."""
        draw = None if canvas is None else ImageDraw.Draw(canvas)
        y = self._write(draw, (MARGIN, MARGIN), title, "title")
        for note in notes:
            y = self._write(draw, (MARGIN, y), note, "line", MUTED)
        for section in sections:
            y = self._write(draw, (MARGIN, y + MARGIN), section.title, "section") + GAP
            if not section.tiles:
                y = self._write(draw, (MARGIN, y), section.empty, "line", MUTED)
            for start in range(0, len(section.tiles), _COLUMNS):
                for column, tile in enumerate(section.tiles[start : start + _COLUMNS]):
                    x = MARGIN + column * (self.tile_width + MARGIN)
                    bottom = self._tile(canvas, draw, (x, y), tile)
                y = bottom + 2 * GAP
        return y + MARGIN

    def _tile(
        self, canvas: Image.Image | None, draw: ImageDraw.ImageDraw | None, corner: tuple[int, int], tile: Tile
    ) -> int:
        x, top = corner
        y = self._write(draw, (x, top), tile.heading, "heading", room=self.tile_width)
        if canvas is not None:
            for place, panel in enumerate(panels(tile, self.side)):
                canvas.paste(Image.fromarray(np.ascontiguousarray(panel)), (x + place * (self.side + GAP), y))
        y += self.side + GAP
        for place, name in enumerate(PANELS):
            below = self._write(draw, (x + place * (self.side + GAP), y), name, "line", MUTED, self.side)
        y = below
        for line in tile.lines:
            y = self._write(draw, (x, y), line, "line", room=self.tile_width)
        return y + (self.lines - len(tile.lines)) * self._height("line")

    def _write(
        self,
        draw: ImageDraw.ImageDraw | None,
        corner: tuple[int, int],
        text: str,
        style: str,
        ink: tuple[int, int, int] = INK,
        room: int | None = None,
    ) -> int:
        """One line, cut after `room` pixels (None: where the sheet ends); the y below it."""
        if draw is not None:
            width = self.width - MARGIN - corner[0] if room is None else room
            draw.text(corner, cut(text, self.fonts[style], width), ink, self.fonts[style])
        return corner[1] + self._height(style)

    def _height(self, style: str) -> int:
        return round(LEADING * _SIZES[style])


def cut(text: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    text = " ".join(text.split())[:_LONGEST_LINE]
    if font.getlength(text) <= room:
        return text
    keep = bisect_right(range(len(text)), room, key=lambda length: ceil(font.getlength(f"{text[:length]}…"))) - 1
    return f"{text[: max(0, keep)]}…"


def font(size: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings along: no machine needs fonts of its own."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), size)
