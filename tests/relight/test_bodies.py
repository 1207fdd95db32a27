"""A lamp cut out comes back as it was drawn, or there is a reason why not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from higan_cam.relight.bodies import cut_out
from higan_cam.types import ByteArray


def png(picture: ByteArray) -> bytes:
    body = io.BytesIO()
    Image.fromarray(picture).save(body, "PNG")
    return body.getvalue()


def test_a_cutout_is_cropped_and_keeps_alpha_and_colours() -> None:
    inner = np.random.default_rng(np.random.Philox(key=3)).integers(0, 256, (20, 30, 4)).astype(np.uint8)
    inner[..., 3] = np.maximum(inner[..., 3], 1)
    whole = np.zeros((50, 60, 4), np.uint8)
    whole[10:30, 20:50] = inner
    found = cut_out(png(whole))
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found[..., 3].astype(int), inner[..., 3].astype(int), atol=1)
    solid = inner[..., 3] > 127
    np.testing.assert_allclose(found[solid, :3].astype(int), inner[solid, :3].astype(int), atol=3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png(np.zeros((9, 9, 4), np.uint8)), "transparent everywhere"),
        (png(np.full((9, 9, 3), 80, np.uint8)), "nothing transparent"),
        (b"", "cannot be read: empty"),
        (b"no picture", "cannot be read"),
    ],
)
def test_what_is_no_cutout_has_a_reason(content: bytes, reason: str) -> None:
    assert reason in str(cut_out(content))
