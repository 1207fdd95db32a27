"""The deterministic tensors and pictures of the second set of reference data (shared/reference2, section 1)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from higan_cam.types import ByteArray

SALT = "ref2/"


def draw(key: str, shape: Sequence[int]) -> Tensor:
    """Standard normal float32 tensor that follows from its key."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32((SALT + key).encode("utf-8"))))
    return torch.from_numpy(generator.standard_normal(tuple(shape)).astype(np.float32))


def checked(key: str, value: Tensor, crc32: int) -> Tensor:
    """The tensor, if its bytes have the checksum that was recorded."""
    if zlib.crc32(np.ascontiguousarray(value.numpy(), "<f4").tobytes()) != crc32:
        raise ValueError(f"numpy's standard_normal stream changed: checksum of {key} differs")
    return value


def picture(params: Sequence[Sequence[int]], height: int, width: int | None = None) -> ByteArray:
    """(channels,H,W) uint8 picture of six integers a channel; square without a width."""
    y, x = np.mgrid[:height, : height if width is None else width]
    channels = [(a + (b * x + d * y) // e + f * ((x // g + y // g) % 2)) % 256 for a, b, d, e, f, g in params]
    return np.stack(channels).astype(np.uint8)


def signed_picture(params: Sequence[Sequence[int]], height: int) -> Tensor:
    """(1,channels,H,H) float32 in [-1,1], each value 2 v / 255 - 1."""
    return 2 * torch.from_numpy(picture(params, height).astype(np.float32) / 255)[None] - 1
