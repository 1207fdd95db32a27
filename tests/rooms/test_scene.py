"""The factors are exactly their specification, and as frequent as it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from higan_cam.rooms.scene import COLOURS, FACTORS, LAMPS, OBJECTS, PRODUCTS, STYLES, factors, indices, scene_of

Latents = Callable[[int, int], npt.NDArray[np.float64]]
PINNED = (-0.065491706597, -0.11068216161, 0.043183885871)


def test_factors_equal_their_specification(latents: Latents) -> None:
    z = latents(200, 1)
    values = factors(z)
    for column, spec in enumerate(FACTORS):
        expected = np.clip(spec.slope * (z @ spec.weights) + spec.shift, spec.low, spec.high)
        np.testing.assert_allclose(values[:, column], expected, atol=1e-6)


def test_directions_of_different_factors_are_orthonormal_but_for_the_lamps_shared_part() -> None:
    weights = np.stack([factor.weights for factor in FACTORS])
    gram = weights @ weights.T
    drives = np.array([factor.role == "drive" for factor in FACTORS])
    np.testing.assert_allclose(gram[~drives][:, ~drives], np.eye((~drives).sum()), atol=1e-12)
    np.testing.assert_allclose(gram[~drives][:, drives], 0.0, atol=1e-12)
    off_diagonal = gram[drives][:, drives][~np.eye(len(LAMPS), dtype=bool)]
    np.testing.assert_allclose(off_diagonal, 0.75**2, atol=1e-12)


def test_first_weights_never_change() -> None:
    """Weights distilled from these scenes depend on the basis: a changed one would silently unlearn them."""
    np.testing.assert_allclose(FACTORS[0].weights[:3], PINNED, atol=1e-9)


def test_same_latents_give_the_same_scene_as_array_and_as_tensor(latents: Latents) -> None:
    z = latents(5, 2)
    first, second = scene_of(z), scene_of(torch.from_numpy(z))
    for name in first.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_binary_factors_are_as_frequent_as_stated_and_rarely_in_between(latents: Latents) -> None:
    scene = scene_of(latents(20_000, 3))
    for name, probability in {**STYLES, **OBJECTS}.items():
        assert scene.column(name).mean() == pytest.approx(probability, abs=0.015)
    values = factors(latents(20_000, 3))[:, indices("layout", "style", "presence", "lamp")]
    assert ((values > 0) & (values < 1)).mean() < 0.015


def test_a_third_of_the_drives_are_off_and_four_tenths_fully_on(latents: Latents) -> None:
    drive = scene_of(latents(20_000, 4)).drive
    assert (drive < 0).mean() == pytest.approx(0.34, abs=0.02)
    assert (drive > 1).mean() == pytest.approx(0.40, abs=0.02)
    assert drive.min() == -1.0
    assert drive.max() == 2.0


def test_lamp_presence_tells_nothing_about_its_drive(latents: Latents) -> None:
    scene = scene_of(latents(20_000, 5))
    for k in range(len(LAMPS)):
        assert abs(np.corrcoef(scene.present[:, k], scene.drive[:, k])[0, 1]) < 0.03


def test_every_column_has_its_name(latents: Latents) -> None:
    scene = scene_of(latents(3, 6))
    values = factors(latents(3, 6))
    for column, spec in enumerate(FACTORS):
        if spec.name in (*STYLES, *OBJECTS, *COLOURS, *LAMPS):
            np.testing.assert_array_equal(scene.column(spec.name), values[:, column])
    with pytest.raises(KeyError, match="sofa"):
        scene.column("sofa")


def test_products_are_distinct_pairs_of_columns() -> None:
    assert len(set(PRODUCTS)) == len(PRODUCTS)
    assert all(0 <= a < len(FACTORS) and 0 <= b < len(FACTORS) and a != b for a, b in PRODUCTS)


def test_latents_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(N,128\)"):
        factors(np.zeros((2, 64)))
