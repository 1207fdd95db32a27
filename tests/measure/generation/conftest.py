"""Pictures of a few coloured blobs, none like another, and the same with noise and other light."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from higan_cam.types import ByteArray


def _blobs(count: int, seed: int, side: int = 16) -> ByteArray:
    draw = np.random.default_rng(seed)
    grids = draw.uniform(0.2, 0.8, (count, 4, 4, 3))
    large = [cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in grids]
    found: ByteArray = (np.clip(np.stack(large), 0, 1) * 255).astype(np.uint8)
    return found


def _jittered(pictures: ByteArray, seed: int) -> ByteArray:
    draw = np.random.default_rng(seed)
    lighter = draw.normal(0, 0.02, (len(pictures), 1, 1, 1))
    noisy = pictures / 255 + lighter + draw.normal(0, 0.03, pictures.shape)
    found: ByteArray = (np.clip(noisy, 0, 1) * 255 + 0.5).astype(np.uint8)
    return found


@pytest.fixture(scope="session")
def blobs() -> Callable[..., ByteArray]:
    """`blobs(count, seed)`: (count,16,16,3)."""
    return _blobs


@pytest.fixture(scope="session")
def jittered() -> Callable[[ByteArray, int], ByteArray]:
    """`jittered(pictures, seed)`: a little lighter or darker each, and noisy."""
    return _jittered
