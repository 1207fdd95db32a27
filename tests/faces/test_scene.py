"""Factors of faces: independent, as frequent as stated, and seen within their ranges."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.faces.scene import FACTORS, GLASSES_PROBABILITY, PROPERTIES, Scene, factors, scene_of, span
from higan_cam.generate.latents import sample_latents
from higan_cam.types import FloatArray

PINNED = (0.091586388948, -0.006209517565, 0.036603388362)


def test_directions_of_factors_are_orthonormal() -> None:
    weights = np.stack([factor.weights for factor in FACTORS])
    np.testing.assert_allclose(weights @ weights.T, np.eye(len(FACTORS)), atol=1e-12)


def test_first_weights_never_change() -> None:
    """Weights distilled from these faces depend on the basis: a changed one would silently unlearn them."""
    np.testing.assert_allclose(FACTORS[0].weights[:3], PINNED, atol=1e-9)


def test_no_factor_tells_of_another() -> None:
    values = factors(sample_latents(range(20_000), 1, 64))
    assert np.abs(np.corrcoef(values.T) - np.eye(len(FACTORS))).max() < 0.035


def test_a_third_of_each_property_is_at_an_end_and_spectacles_are_as_frequent_as_stated() -> None:
    scene = scene_of(sample_latents(range(20_000), 2, 64))
    for name in PROPERTIES:
        seen = scene.column(name)
        assert np.isin(seen, span(name)).mean() == pytest.approx(0.32, abs=0.02)
    assert scene.column("glasses").mean() == pytest.approx(GLASSES_PROBABILITY, abs=0.015)


def test_what_is_seen_of_a_property_stays_within_its_range(faces: Scene) -> None:
    beyond = faces.with_value("yaw", -1.7)
    assert (beyond.column("yaw") == -1).all()
    assert (beyond.column("eyes") == faces.column("eyes")).all()


def test_same_latents_mean_the_same_faces_as_array_and_as_tensor(latents: FloatArray) -> None:
    np.testing.assert_array_equal(scene_of(latents).values, scene_of(torch.from_numpy(latents)).values)


def test_what_no_face_has_is_refused(faces: Scene) -> None:
    with pytest.raises(KeyError, match="beard"):
        faces.column("beard")
    with pytest.raises(ValueError, match=r"\(N,64\)"):
        scene_of(np.zeros((2, 128)))
