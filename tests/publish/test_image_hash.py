"""The hash stays when a picture is recompressed or brightened, and changes with what it shows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from higan_cam.publish.image_hash import BITS, image_hash
from higan_cam.publish.images import decode_image
from higan_cam.types import ByteArray


def bits_between(first: ByteArray, second: ByteArray) -> int:
    return (int(image_hash(first), 16) ^ int(image_hash(second), 16)).bit_count()


def scene(seed: int, size: int = 96) -> ByteArray:
    """Coloured boxes on a wall."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(12):
        (y, x), (h, w) = rng.integers(0, size - 10, 2), rng.integers(8, size // 2, 2)
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image


def jpeg(image: ByteArray) -> ByteArray:
    body = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return decode_image(body.tobytes())


def test_the_same_picture_has_the_same_hash_of_64_digits() -> None:
    assert image_hash(scene(1)) == image_hash(scene(1).copy())
    assert len(image_hash(scene(1))) == BITS // 4


@pytest.mark.parametrize("seed", range(5))
def test_what_leaves_the_content_alone_moves_few_bits(seed: int) -> None:
    image = scene(seed)
    assert bits_between(image, jpeg(image)) <= 24
    assert bits_between(image, (image * 0.8).astype(np.uint8)) <= 16
    twice = np.asarray(cv2.resize(image, (192, 192), interpolation=cv2.INTER_NEAREST), np.uint8)
    assert bits_between(image, twice) <= 8


def test_different_pictures_are_far_apart() -> None:
    pictures = [scene(seed) for seed in range(12)]
    apart = [bits_between(a, b) for k, a in enumerate(pictures) for b in pictures[:k]]
    assert min(apart) > 60


def test_the_same_shapes_in_other_colours_are_told_apart() -> None:
    image = scene(3)
    assert bits_between(image, np.ascontiguousarray(image[:, :, ::-1])) > 40


def test_a_flat_picture_has_a_hash_too() -> None:
    flat = np.full((8, 8, 3), 90, np.uint8)
    assert image_hash(flat) == image_hash(flat)
    assert len(image_hash(flat)) == 64
