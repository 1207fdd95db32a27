"""Latents for the tests of rooms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest


@pytest.fixture(scope="session")
def latents() -> Callable[[int, int], npt.NDArray[np.float64]]:
    """(count, seed) -> (count,128) normal latents scaled to length sqrt(128)."""

    def build(count: int, seed: int) -> npt.NDArray[np.float64]:
        z = np.random.default_rng(seed).standard_normal((count, 128))
        scaled: npt.NDArray[np.float64] = z / np.linalg.norm(z, axis=1, keepdims=True) * np.sqrt(128)
        return scaled

    return build
