"""Pictures of a listing -> the same, larger, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from higan_cam.pictures import Picture, PictureRow, Unreadable
from higan_cam.pictures.decoding import MAX_PIXELS
from higan_cam.publish.redrawn.upscaled import Upscaled
from higan_cam.redraw.upscaler import Upscaler, upscale

Read = Callable[[PictureRow], Picture | Unreadable]


def upscale_unit(upscaler: Upscaler, tile: int, rows: Sequence[PictureRow], read: Read) -> Iterator[Upscaled]:
    """A row for each picture, in order, made when it is asked for: pictures are held only while their row is.

    Args:
        tile: side of the pieces that are looked at, px.
    """
    return (_row(upscaler, tile, row, read(row)) for row in rows)


def _row(upscaler: Upscaler, tile: int, row: PictureRow, found: Picture | Unreadable) -> Upscaled:
    if isinstance(found, Unreadable):
        return Upscaled(row.index, row.key, "unreadable", found.reason)
    height, width = (upscaler.scale * extent for extent in found.image.shape[:2])
    if height * width > MAX_PIXELS:
        reason = f"{width} x {height} would be more than the {MAX_PIXELS:,} pixels that pictures are read with"
        return Upscaled(row.index, row.key, "too large", reason)
    image = upscale(upscaler, found.image, tile=tile)
    return Upscaled(row.index, row.key, "ok", "", found.image, image, found.notes)
