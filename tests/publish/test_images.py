"""PNG encoding loses nothing and depends on nothing but the array."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from higan_cam.publish.images import decode_heat, decode_image, encode_heat, encode_image

_SHAPES = st.one_of(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)),
)


@given(image=hnp.arrays(np.uint8, _SHAPES))
def test_images_round_trip(image: np.ndarray) -> None:
    body = encode_image(image)
    assert body == encode_image(image.copy())
    assert np.array_equal(decode_image(body), image)


@given(heat=hnp.arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_heat_round_trips_within_half_a_level(heat: np.ndarray) -> None:
    assert np.abs(decode_heat(encode_heat(heat)) - heat).max() <= 0.5 / 65_535 + 1e-7


def test_other_libraries_see_rgb_grey_and_sixteen_bits() -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 200
    picture = Image.open(io.BytesIO(encode_image(red)))
    assert (picture.mode, picture.size, picture.getpixel((0, 0))) == ("RGB", (6, 4), (200, 0, 0))
    mask = Image.open(io.BytesIO(encode_image(np.full((4, 6), 255, np.uint8))))
    assert (mask.mode, mask.getpixel((0, 0))) == ("L", 255)
    heat = Image.open(io.BytesIO(encode_heat(np.ones((4, 6), np.float32))))
    assert (heat.mode, heat.getpixel((0, 0))) == ("I;16", 65_535)


def test_png_carries_no_clock_or_text() -> None:
    body = encode_image(np.zeros((2, 2, 3), np.uint8))
    assert not any(chunk in body for chunk in (b"tIME", b"tEXt", b"zTXt", b"iTXt", b"eXIf"))


def test_views_and_strides_do_not_matter() -> None:
    image = np.random.Generator(np.random.Philox(key=1)).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert np.array_equal(decode_image(encode_image(image[::2, ::-1])), image[::2, ::-1])


@pytest.mark.parametrize("shape", [(4,), (4, 4, 1), (4, 4, 4), (1, 4, 4, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        encode_image(np.zeros(shape, np.uint8))


def test_floats_are_not_mistaken_for_images() -> None:
    with pytest.raises(ValueError, match="float32"):
        encode_image(np.zeros((4, 4), np.float32))


@pytest.mark.parametrize("value", [np.nan, -0.01, 1.01, np.inf])
def test_heat_out_of_range_is_refused(value: float) -> None:
    heat = np.zeros((3, 3), np.float32)
    heat[1, 1] = value
    with pytest.raises(ValueError, match=r"within \[0,1\]"):
        encode_heat(heat)


def test_garbage_is_not_a_png() -> None:
    with pytest.raises(ValueError, match="not a PNG"):
        decode_image(b"garbage")
