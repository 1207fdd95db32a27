"""Pictures of the report as data URIs and outlines: nothing is fetched, nothing is drawn twice.

Masks become vector outlines that follow pixel edges exactly, so that they stay crisp at every zoom over the photo.
"""

from __future__ import annotations

import base64

import cv2
import numpy as np

from higan_cam.types import ByteArray, FloatArray, IntArray

MAX_SIDE = 256
"""Longest side of an embedded picture, pixels; larger ones are reduced by area averaging."""
_LOSSLESS_SIDE = 160
_WEBP_QUALITY = 92
_SUBPIXELS = 4


def photo_uri(image: ByteArray, side: int = MAX_SIDE) -> str:
    """(H,W,3) uint8 RGB -> data URI: PNG up to 160 px, WebP (quality 92) beyond, which keeps the page portable."""
    bgr = cv2.cvtColor(_reduced(image, side), cv2.COLOR_RGB2BGR)
    if max(bgr.shape[:2]) <= _LOSSLESS_SIDE:
        return _data_uri("png", cv2.imencode(".png", bgr)[1])
    return _data_uri("webp", cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, _WEBP_QUALITY])[1])


def heat_uri(heat: FloatArray, side: int = MAX_SIDE) -> str:
    """(h,w) float in [0,1] -> PNG data URI in the inferno colour map (perceptually uniform, black to yellow)."""
    gray = (np.clip(heat, 0.0, 1.0) * 255).round().astype(np.uint8)
    colored = cv2.applyColorMap(_reduced(gray, side), cv2.COLORMAP_INFERNO)
    return _data_uri("png", cv2.imencode(".png", colored)[1])


def colorbar(stops: int = 9) -> str:
    """The inferno colour map as the stops of a CSS linear gradient, 0 first."""
    levels = np.linspace(0, 255, stops).round().astype(np.uint8)[None]
    bgr = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[0]
    return ", ".join(f"rgb({r}, {g}, {b})" for b, g, r in bgr.tolist())


def mask_outline(mask: ByteArray) -> str:
    """(H,W) uint8 mask -> SVG path data along its pixel edges, in pixels of the mask; "" for an empty mask.

    Holes are subpaths of their own: fill with `fill-rule="evenodd"`.
    """
    binary = (mask > 0).astype(np.uint8)
    # each pixel becomes a block whose corner subpixels round to the pixel's own edges
    enlarged = np.repeat(np.repeat(binary, _SUBPIXELS, axis=0), _SUBPIXELS, axis=1)
    contours, _ = cv2.findContours(enlarged, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return " ".join(_subpath(_edge_points(np.asarray(contour, dtype=np.int64))) for contour in contours)


def display_width(image: ByteArray) -> int:
    """CSS pixels at which an embedded picture is shown: the largest whole-number zoom that fits `MAX_SIDE`."""
    height, width = _reduced(image).shape[:2]
    return int(width * max(1, MAX_SIDE // max(height, width)))


def _edge_points(contour: IntArray) -> list[tuple[int, int]]:
    points = np.floor((contour[:, 0, :] + 0.5) / _SUBPIXELS + 0.5).astype(int)
    pairs = [(int(x), int(y)) for x, y in points]
    return [point for before, point in zip([pairs[-1], *pairs], pairs, strict=False) if point != before]


def _subpath(points: list[tuple[int, int]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points) + "Z"


def _reduced(image: ByteArray, side: int = MAX_SIDE) -> ByteArray:
    """The image, area-averaged down to at most `side` pixels; never enlarged."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _data_uri(kind: str, encoded: ByteArray) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"
