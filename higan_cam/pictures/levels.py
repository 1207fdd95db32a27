"""A decoded file of any mode -> 8-bit RGB, with a word about whatever was lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from higan_cam.pictures.nouns import WHITE, Colour
from higan_cam.types import ByteArray

_NAMES = {WHITE: "white", (0, 0, 0): "black"}
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_DEEPEST = 65_535


def to_rgb(image: Image.Image, background: Colour) -> tuple[ByteArray, list[str]]:
    """(H,W,3) uint8 as the file stores it (not turned yet), and what there is to say about it.

    Levels of 16 bits are scaled to 8 (65,535 is 255), never cut off. Transparent pixels are laid on the background in
    display values: alpha x colour + (1 - alpha) x background. CMYK and Lab are converted without a profile.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey, note = _grey(np.asarray(image), floating=image.mode == "F")
        return np.repeat(grey[:, :, None], 3, axis=2), [note]
    if image.has_transparency_data:
        return _flattened(image.convert(_PREMULTIPLIED.get(image.mode, image.mode)), background)
    notes = [f"{image.mode} converted without a profile"] if image.mode in ("CMYK", "LAB") else []
    return _pixels(image if image.mode == "RGB" else image.convert("RGB")), notes


def _grey(values: npt.NDArray[Any], *, floating: bool) -> tuple[ByteArray, str]:
    """(H,W) uint8 from one channel of more than 8 bits.

    Only 16-bit levels, and floating ones within [0,1], have a known white; others are stretched, which is said.
    """
    levels = np.nan_to_num(values.astype(np.float32 if floating else np.int64))
    least, greatest = levels.min(), levels.max()
    if floating and least >= 0 and greatest <= 1:
        return np.rint(levels * 255).astype(np.uint8), "floating levels to 8 bit"
    if not floating and least >= 0 and greatest <= _DEEPEST:
        return ((levels * 255 + _DEEPEST // 2) // _DEEPEST).astype(np.uint8), "16 bit to 8"
    span = float(greatest) - float(least)
    stretched = (levels.astype(np.float64) - float(least)) * (255 / span if span > 0 else 0.0)
    return np.rint(stretched).astype(np.uint8), "levels stretched from the least to the greatest"


def _flattened(image: Image.Image, background: Colour) -> tuple[ByteArray, list[str]]:
    shown = image.convert("RGBA")
    least, greatest = shown.getchannel("A").getextrema()
    if least == 255:
        return _pixels(shown.convert("RGB")), []
    canvas = Image.new("RGB", shown.size, background)
    canvas.paste(shown, mask=shown)
    name = _NAMES.get(background, f"rgb{background}".replace(" ", ""))
    return _pixels(canvas), [f"wholly transparent, so {name}" if greatest == 0 else f"alpha on {name}"]


def _pixels(image: Image.Image) -> ByteArray:
    return np.array(image, dtype=np.uint8)  # a copy that may be written to, as torch wants it
