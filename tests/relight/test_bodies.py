"""The drawn lamp is one, and cutouts come back from the one reader of pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from higan_cam.relight.bodies import drawn_lamp, encode_lamp, read_lamp
from tests.support.wrong_uploads import picture, wrong_uploads

MOST = 2_000_000


def test_the_drawn_lamp_stands_free_and_is_smooth_at_its_edge() -> None:
    lamp = drawn_lamp()
    assert lamp.shape == (256, 256, 4)
    alpha = lamp[..., 3]
    assert not alpha[[0, -1]].any()
    assert not alpha[:, [0, -1]].any()
    assert alpha.max() == 255
    assert 20 < ((alpha > 0) & (alpha < 255)).sum() < 2000
    assert 0.1 < (alpha > 0).mean() < 0.5


def test_a_cutout_comes_back_cropped_with_its_alpha_and_colours() -> None:
    rng = np.random.default_rng(3)
    inner = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    inner[..., 3] = np.maximum(inner[..., 3], 1)
    whole = np.zeros((50, 60, 4), np.uint8)
    whole[10:30, 20:50] = inner
    found = read_lamp(encode_lamp(whole), MOST)
    assert isinstance(found, np.ndarray)
    assert found.shape == inner.shape
    np.testing.assert_allclose(found[..., 3].astype(int), inner[..., 3].astype(int), atol=1)
    solid = inner[..., 3] > 127
    np.testing.assert_allclose(found[solid, :3].astype(int), inner[solid, :3].astype(int), atol=3)


@pytest.mark.parametrize("alpha", [0, 90])
def test_a_lamp_that_cannot_be_seen_has_a_reason(alpha: int) -> None:
    body = io.BytesIO()
    Image.new("RGBA", (40, 40), (9, 9, 9, alpha)).save(body, "PNG")
    assert read_lamp(body.getvalue(), MOST) == "is transparent everywhere: there is no lamp to be seen"


def test_a_photograph_is_no_cutout() -> None:
    assert "nothing transparent" in str(read_lamp(picture(), MOST))
    assert "nothing transparent" in str(read_lamp(picture(kind="JPEG"), MOST))


def test_wrong_files_have_reasons() -> None:
    for name, (content, _) in wrong_uploads().items():
        assert isinstance(read_lamp(content, MOST), str), name
