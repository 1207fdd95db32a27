"""Thumbnails of the gallery."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from higan_cam.publish.images import encode_heat, encode_image
from higan_cam.publish.report.gallery.thumbnails import SIDE, TILES, make_thumbnail
from higan_cam.types import ByteArray

COLORS = {"negative": (20, 40, 60), "original": (90, 200, 30), "image": (250, 120, 10)}


def pictures(height: int, width: int, heat: float = 0.5) -> dict[str, bytes]:
    """One colour per column, and a mask over the upper left quarter."""
    bodies = {name: encode_image(np.full((height, width, 3), color, np.uint8)) for name, color in COLORS.items()}
    mask = np.zeros((height, width), np.uint8)
    mask[: height // 2, : width // 2] = 255
    return {
        **bodies,
        "heat": encode_heat(np.full((2 * height, 2 * width), heat, np.float32)),
        "conditioning_image": encode_image(mask),
    }


def decoded(body: bytes) -> ByteArray:
    return np.asarray(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "shown"),
    [(16, 16, (16, 16)), (128, 128, (128, 128)), (100, 60, (100, 60)), (512, 256, (128, 64)), (1000, 1, (128, 1))],
)
def test_pictures_keep_their_shape_and_are_never_enlarged(height: int, width: int, shown: tuple[int, int]) -> None:
    thumbnail = make_thumbnail(pictures(height, width))
    assert (thumbnail.height, thumbnail.width) == shown
    assert max(shown) <= SIDE
    assert decoded(thumbnail.mask).shape == shown
    assert decoded(thumbnail.strip).shape[1] == len(TILES) * thumbnail.pitch


def test_each_tile_has_its_own_colour_up_to_its_edge() -> None:
    thumbnail = make_thumbnail(pictures(100, 60))
    strip = decoded(thumbnail.strip)[:, :, ::-1].astype(int)
    for place, color in enumerate([*COLORS.values(), (128, 128, 128)]):
        tile = strip[: thumbnail.height, place * thumbnail.pitch :][:, : thumbnail.width]
        assert np.abs(tile - np.array(color)).max() <= 4


def test_the_mask_keeps_its_edge() -> None:
    mask = decoded(make_thumbnail(pictures(64, 64)).mask)
    assert set(np.unique(mask)) == {0, 255}
    np.testing.assert_array_equal(mask[:32, :32], 255)
    assert mask.sum() == 32 * 32 * 255


def test_equal_pictures_give_equal_bytes() -> None:
    one, other = (make_thumbnail(pictures(64, 64)) for _ in range(2))
    assert (one.strip, one.mask) == (other.strip, other.mask)
