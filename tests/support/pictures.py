"""Picture files made by hand."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from higan_cam.types import ByteArray


def pixels(seed: int, height: int = 12, width: int = 16) -> ByteArray:
    """(height,width,3) noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def saved(image: Image.Image | ByteArray, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of Pillow's `kind`."""
    body = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(body, kind, **options)
    return body.getvalue()


def with_orientation(image: Image.Image | ByteArray, orientation: int, kind: str = "JPEG") -> bytes:
    """A file whose EXIF says how it is to be turned."""
    exif = Image.Exif()
    exif[274] = orientation
    return saved(image, kind, exif=exif)
