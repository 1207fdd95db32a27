"""Any bytes are a picture as it is seen, or a reason; never an exception."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps
from sklearn.datasets import load_sample_images

from higan_cam.pictures import Picture, Unreadable, decode_picture, picture_problem
from tests.support.pictures import pixels, saved, with_orientation

LOSSLESS = {"PNG": {}, "TIFF": {}, "BMP": {}, "PPM": {}, "WEBP": {"lossless": True}, "JPEG2000": {}}
KINDS = {**LOSSLESS, "JPEG": {}, "GIF": {}, "AVIF": {}}


def picture(content: bytes) -> Picture:
    """The picture that the bytes must be."""
    found = decode_picture(content)
    assert isinstance(found, Picture), found
    assert picture_problem(content) is None
    return found


def reason(content: bytes) -> str:
    """Why the bytes are none, which both ways of asking have to say."""
    found = decode_picture(content)
    assert isinstance(found, Unreadable)
    assert picture_problem(content) == found.reason
    return found.reason


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_files_give_their_pixels(kind: str) -> None:
    found = picture(saved(pixels(0), kind, **LOSSLESS[kind]))
    np.testing.assert_array_equal(found.image, pixels(0))
    assert found.notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_real_photographs_come_through_lossy_files(kind: str) -> None:
    for photograph in load_sample_images().images:
        found = picture(saved(photograph, kind, quality=90))
        assert found.image.shape == (427, 640, 3)
        assert np.abs(found.image.astype(int) - photograph).mean() < 5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_a_picture_is_upright_as_pillow_turns_it(kind: str, orientation: int) -> None:
    content = with_orientation(pixels(1), orientation, kind)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    np.testing.assert_array_equal(picture(content).image, np.asarray(upright))


def test_turning_is_said() -> None:
    assert picture(with_orientation(pixels(1), 6)).notes == ("turned by EXIF orientation 6",)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palette_become_colour(mode: str) -> None:
    image = Image.fromarray(pixels(2)).convert(mode)
    np.testing.assert_array_equal(picture(saved(image)).image, np.asarray(image.convert("RGB")))


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    levels = np.linspace(0, 65_535, 40 * 40).reshape(40, 40)
    found = picture(saved(Image.fromarray(levels.astype(np.uint16))))
    assert found.notes == ("16 bit to 8",)
    assert (found.image.min(), found.image.max()) == (0, 255)
    assert np.abs(found.image[:, :, 0] - levels / 257).max() <= 0.5 + 1 / 257


def test_eight_bits_survive_sixteen() -> None:
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    np.testing.assert_array_equal(picture(saved(Image.fromarray(grey * 257))).image[:, :, 0], grey)


def test_sixteen_bit_colour_is_within_a_level() -> None:
    rows = np.random.default_rng(0).integers(0, 65_536, (5, 7, 3), dtype=np.uint16)
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 7, 5, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    body = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    assert np.abs(picture(body).image - rows / 257).max() <= 1


def test_floating_levels_within_one_are_shares_and_others_are_stretched() -> None:
    values = np.linspace(0.25, 0.75, 64, dtype=np.float32).reshape(8, 8)
    shares = picture(saved(Image.fromarray(values), "TIFF"))
    assert np.abs(shares.image[:, :, 0] - values * 255).max() <= 0.5
    stretched = picture(saved(Image.fromarray(values * 900 - 20), "TIFF"))
    assert (stretched.image.min(), stretched.image.max()) == (0, 255)
    assert stretched.notes == ("levels stretched from the least to the greatest",)


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (10, 200, 30)])
def test_transparent_pixels_lie_on_the_background(background: tuple[int, int, int]) -> None:
    alpha = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)
    content = saved(np.dstack([pixels(3), alpha]))
    found = decode_picture(content, background)
    assert isinstance(found, Picture)
    share = alpha[:, :, None] / 255
    assert np.abs(found.image - (share * pixels(3) + (1 - share) * background)).max() <= 0.51
    assert found.notes[0].startswith("alpha on ")


def test_a_channel_of_alpha_without_a_hole_is_no_word_worth() -> None:
    content = saved(np.dstack([pixels(3), np.full((12, 16), 255, np.uint8)]))
    assert picture(content).notes == ()
    np.testing.assert_array_equal(picture(content).image, pixels(3))


def test_a_transparent_colour_of_a_palette_is_laid_on_white() -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([9, 9, 9, 200, 0, 0])
    found = picture(saved(image, "GIF", transparency=0))
    assert found.image.tolist() == [[[255] * 3, [200, 0, 0]], [[200, 0, 0], [255] * 3]]
    assert found.notes == ("alpha on white",)


def test_what_is_wholly_transparent_is_said() -> None:
    assert picture(saved(np.zeros((3, 3, 4), np.uint8))).notes == ("wholly transparent, so white",)


def test_cmyk_becomes_colour_and_is_said() -> None:
    image = Image.new("CMYK", (4, 4), (255, 0, 0, 0))
    for kind in ("JPEG", "TIFF"):
        found = picture(saved(image, kind))
        assert np.abs(found.image.astype(int) - (0, 255, 255)).max() <= 3
        assert found.notes == ("CMYK converted without a profile",)


@pytest.mark.parametrize(
    ("kind", "said"), [("MPO", "pictures"), ("GIF", "frames"), ("WEBP", "frames"), ("PNG", "frames"), ("TIFF", "pages")]
)
def test_the_first_of_several_is_taken_and_said(kind: str, said: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    found = picture(saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert np.abs(found.image.astype(int) - (255, 0, 0)).max() <= 2
    assert found.notes == (f"first of 3 {said}",)


def test_of_very_many_frames_the_first_is_read_and_the_rest_not_counted() -> None:
    """Millions of empty frames fit into an upload, and counting TIFF's pages takes longer with each."""
    first = saved(Image.new("RGB", (8, 8), "red"), "GIF")
    frame = b"\x2c" + bytes(4) + b"\x01\x00\x01\x00\x00" + b"\x02\x02\x44\x01\x00"
    few = picture(first[:-1] + 2000 * frame + b"\x3b")
    assert few.notes == ("first of 2001 frames",)
    began = time.process_time()
    many = picture(first[:-1] + 1_000_000 * frame + b"\x3b")
    assert time.process_time() - began < 3
    assert many.notes == ("first of very many frames",)
    np.testing.assert_array_equal(many.image, few.image)


def test_a_damaged_page_does_not_cost_the_first() -> None:
    pages = [Image.fromarray(pixels(number, 20, 20)) for number in range(2)]
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    alone = saved(Image.fromarray(pixels(0, 20, 20)), "TIFF")
    for cut in range(len(alone) + 10, len(content), 37):
        np.testing.assert_array_equal(picture(content[:cut]).image, pixels(0, 20, 20))


def test_a_colour_profile_is_ignored_and_said() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = picture(saved(pixels(4), icc_profile=profile))
    np.testing.assert_array_equal(found.image, pixels(4))
    assert found.notes == ("ICC profile ignored",)


@pytest.mark.parametrize("shape", [(1, 1), (9000, 1), (1, 9000)])
def test_extreme_shapes_are_pictures(shape: tuple[int, int]) -> None:
    assert picture(saved(pixels(0, *shape))).image.shape == (*shape, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_file_says_that_it_breaks_off_or_is_damaged(kind: str) -> None:
    content = saved(pixels(5, 64, 64), kind, **KINDS[kind])
    assert reason(content[: len(content) // 2]).startswith(("breaks off", "damaged"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"nothing", "not a picture"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, which is not read"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0", "a camera's raw file"),
        (b"8BPS\0\x01", "a Photoshop file"),
        (b"<?xml version='1.0'?><svg xmlns=''>", "an SVG drawing"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
    ],
)
def test_what_is_no_picture_is_named_for_what_it_is(content: bytes, said: str) -> None:
    assert reason(content).startswith(said)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked() -> None:
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    )
    assert reason(body) == "more than 178,956,970 pixels"


def test_a_limit_of_ones_own_holds_before_anything_is_decoded() -> None:
    content = saved(Image.new("1", (30, 20)))
    assert decode_picture(content, most_pixels=599) == Unreadable("20 x 30 pixels, more than 599")
    assert isinstance(decode_picture(content, most_pixels=600), Picture)


def test_a_picture_that_pillow_only_warns_of_is_read() -> None:
    assert picture_problem(saved(Image.new("1", (10_000, 9_000)))) is None


def test_damaged_exif_costs_the_orientation_alone() -> None:
    content = saved(pixels(6), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")
    assert picture(content).image.shape == (12, 16, 3)


def test_threads_put_the_warnings_back_as_they_were() -> None:
    before = list(warnings.filters)
    content = saved(pixels(7, 60, 60), "JPEG")
    with ThreadPoolExecutor(4) as pool:
        assert all(isinstance(found, Picture) for found in pool.map(decode_picture, [content] * 40))
    assert list(warnings.filters) == before


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_damaged_bytes_are_a_picture_or_a_reason(kind: str, data: st.DataObject) -> None:
    content = bytearray(saved(pixels(8, 24, 24), kind, **KINDS[kind]))
    for place in data.draw(st.lists(st.integers(0, len(content) * 8 - 1), max_size=6)):
        content[place // 8] ^= 1 << place % 8
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    for found in (decode_picture(cut), decode_picture(bytes(content))):
        assert isinstance(found, Picture | Unreadable)
        assert isinstance(found, Unreadable) or (found.image.dtype == np.uint8 and found.image.shape[2] == 3)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_a_reason(content: bytes) -> None:
    assert isinstance(decode_picture(content), Picture | Unreadable)


def test_a_shortage_of_memory_is_not_the_pictures_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(pixels(20, 30), "PNG")

    def short(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(Image.Image, "convert", short)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", short)
    for read in (decode_picture, picture_problem):
        with pytest.raises(MemoryError, match="no room"):
            read(content)
    monkeypatch.undo()
    picture(content)
