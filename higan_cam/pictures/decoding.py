"""The bytes of one file -> an upright picture, or why there is none: whatever the bytes are, no exception.

But for a shortage of memory, which is the machine's, not the picture's: that is raised as what it is.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from higan_cam.pictures.kinds import formats, what_else
from higan_cam.pictures.levels import to_rgb
from higan_cam.pictures.nouns import WHITE, Colour, Picture, Unreadable
from higan_cam.types import ByteArray

MAX_PIXELS = 178_956_970
"""Above it a file is taken for a decompression bomb. Pillow's own limit; the picture in RGB takes 0.5 GiB."""
_ORIENTATION = 274
_DRAFT = (64, 64)
"""Pillow decodes a JPEG at the smallest size from this one on: all of the file is read, little of it computed."""
_HEAD = 1024
_READS = 200_000
"""Pieces of a file that are read to count its pictures, a second at most: 7,000 pages of a TIFF, 33,000 empty frames of
a GIF. An upload could have 190,000 pages, and Pillow compares each with all before."""
_CUT = ("truncated", "broken data stream", "unexpected end", "not enough data")
# What EXIF calls the orientation of the stored picture -> how it is turned upright.
_TURNED: dict[int, Callable[[Any], Any]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored[::-1].swapaxes(0, 1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: stored[:, ::-1].swapaxes(0, 1),
}


class _RefusedError(Exception):
    """Its text is the reason."""


class _ManyError(Exception):
    """A file has more pictures than are worth counting."""


class _Counted(io.BytesIO):
    """A file that is read in `_READS` pieces at most."""

    left = _READS

    def read(self, size: int | None = -1, /) -> bytes:
        """_ManyError: that was the last one."""
        self.left -= 1
        if self.left < 0:
            raise _ManyError
        return super().read(size)


def decode_picture(content: bytes, background: Colour = WHITE, most_pixels: int = MAX_PIXELS) -> Picture | Unreadable:
    """A file's bytes -> the picture as it is seen: upright, 8-bit RGB, nothing transparent.

    The format is known by the bytes, not by a name. Of an animation or a file of several pages the first one is taken.
    Colour profiles are ignored. Every such thing is a note.

    Args:
        content: the whole file.
        background: what transparent pixels are laid on, RGB.
        most_pixels: above it nothing is decoded.

    Raises:
        MemoryError: there is too little left on this machine, which says nothing about the picture.
    """
    picture: list[Picture] = []

    def read(image: Image.Image) -> None:
        picture.append(_read(image, background, _frames(content)))

    reason = _attempt(content, read, most_pixels)
    return picture[0] if reason is None else Unreadable(reason)


def picture_problem(content: bytes) -> str | None:
    """Why `decode_picture` could not read a file, None where it can; quicker for a large JPEG."""

    def load(image: Image.Image) -> None:
        image.draft("RGB", _DRAFT)
        image.load()

    return _attempt(content, load)


def _attempt(content: bytes, use: Callable[[Image.Image], None], most_pixels: int = MAX_PIXELS) -> str | None:
    """Open and use; the reason where that fails. MemoryError: as it is."""
    with _quiet():
        try:
            with _opened(content, most_pixels) as image:
                use(image)
        except _RefusedError as refused:
            return str(refused)
        except MemoryError:  # says nothing about the picture: with more memory left it is read
            raise
        # Damaged bytes make a decoder raise anything: what it says is the reason.
        except Exception as error:  # noqa: BLE001
            said = " ".join(str(error).split())[:80] or type(error).__name__
            cut = any(sign in said.lower() for sign in _CUT)
            return "breaks off: a part of the picture is missing" if cut else f"damaged ({said})"
    return None


def _opened(
    content: bytes, most_pixels: int = MAX_PIXELS, kind: type[io.BytesIO] = io.BytesIO
) -> AbstractContextManager[Image.Image]:
    if not content:
        raise _RefusedError("empty")
    try:
        image = Image.open(kind(content), formats=formats())
    except UnidentifiedImageError:
        raise _RefusedError(what_else(content[:_HEAD])) from None
    except Image.DecompressionBombError:
        raise _RefusedError(f"more than {most_pixels:,} pixels") from None
    width, height = image.size
    if width * height > most_pixels:
        raise _RefusedError(f"{height} x {width} pixels, more than {most_pixels:,}")
    return image


def _read(image: Image.Image, background: Colour, count: int | None) -> Picture:
    profile = bool(image.info.get("icc_profile"))
    several = "pages" if image.format == "TIFF" else "pictures" if image.format == "MPO" else "frames"
    image.load()
    stored, notes = to_rgb(image, background)
    upright, turned = _turned(image, stored)
    first = [] if count == 1 else [f"first of {'very many' if count is None else count} {several}"]
    return Picture(upright, (*first, *notes, *turned, *(["ICC profile ignored"] if profile else [])))


def _frames(content: bytes) -> int | None:
    """How many pictures the file says it has; 1 where what follows the first cannot be read, None for very many.

    From an opening of its own: looking for a page that is damaged spoils the one that is not.
    """
    try:
        with _opened(content, kind=_Counted) as image:
            return int(getattr(image, "n_frames", 1))
    except _ManyError:
        return None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the first one is what is wanted
        return 1


def _turned(image: Image.Image, stored: ByteArray) -> tuple[ByteArray, list[str]]:
    """Asked once the picture is loaded: Pillow turns a TIFF by itself then, and forgets the tag."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the picture itself is whole
        return stored, ["EXIF cannot be read: taken as it is stored"]
    if not isinstance(orientation, int) or orientation not in _TURNED:
        return stored, []
    return np.ascontiguousarray(_TURNED[orientation](stored)), [f"turned by EXIF orientation {orientation}"]


_entering, _inside = threading.Lock(), 0
_silenced: Any = None


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow's warnings are not shown, nor raised where warnings are errors: what matters of them becomes a note.

    Python's filters are the process's: the first thread that comes in sets them, the last one puts them back.
    """
    global _inside, _silenced  # noqa: PLW0603
    with _entering:
        _inside += 1
        if _inside == 1:
            _silenced = warnings.catch_warnings(action="ignore")
            _silenced.__enter__()
    try:
        yield
    finally:
        with _entering:
            _inside -= 1
            if _inside == 0:
                _silenced.__exit__(None, None, None)
