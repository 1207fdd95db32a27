"""Faces for the tests of faces."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.faces.scene import FACTORS, Scene, scene_of
from higan_cam.generate.latents import sample_latents
from higan_cam.types import FloatArray

COUNT = 48


@pytest.fixture(scope="session")
def latents() -> FloatArray:
    """(48,64) latents."""
    return sample_latents(range(COUNT), 11, 64)


@pytest.fixture(scope="session")
def faces(latents: FloatArray) -> Scene:
    """The faces that they mean."""
    return scene_of(latents)


@pytest.fixture(scope="session")
def plain() -> Scene:
    """One face with every factor in the middle, without spectacles."""
    values = [0.0 if factor.name in ("glasses", "yaw") else 0.5 for factor in FACTORS]
    return Scene(np.array([values], dtype=np.float32))
