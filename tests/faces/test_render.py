"""Pictures of faces: in range, whole batches or one by one, the same at two sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from higan_cam.faces import layers
from higan_cam.faces.render import render
from higan_cam.faces.scene import FACTORS, PROPERTIES, Scene, span
from higan_cam.types import FloatArray


def test_pictures_are_finite_and_in_range(latents: FloatArray) -> None:
    image = render(latents[:8], 64)
    assert (image.shape, image.dtype) == ((8, 3, 64, 64), torch.float32)
    assert image.isfinite().all()
    assert image.abs().max() <= 1


def test_a_face_does_not_depend_on_its_neighbours(faces: Scene) -> None:
    image = render(faces, 64)
    one = render(faces.take(np.array([37])), 64)
    torch.testing.assert_close(one, image[37:38], atol=2e-6, rtol=0)


def test_small_pictures_are_large_ones_averaged(faces: Scene) -> None:
    small, large = render(faces, 64), render(faces, 128)
    assert (F.avg_pool2d(large, 2) - small).abs().mean() < 0.02


@pytest.mark.parametrize("factor", [factor.name for factor in FACTORS])
def test_every_factor_is_seen(plain: Scene, factor: str) -> None:
    low, high = (render(plain.with_value(factor, end), 64) for end in span(factor))
    assert (high - low).abs().max() > 0.08


@pytest.mark.parametrize("name", PROPERTIES)
def test_beyond_the_ends_of_a_property_nothing_moves(plain: Scene, name: str) -> None:
    low, high = span(name)
    assert torch.equal(render(plain.with_value(name, high + 0.5), 64), render(plain.with_value(name, high), 64))
    assert torch.equal(render(plain.with_value(name, low - 0.5), 64), render(plain.with_value(name, low), 64))


def test_no_part_leaves_the_place_it_is_painted_in(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = np.array([[factor.low, factor.high] for factor in FACTORS])
    draws = np.random.default_rng(0).integers(0, 2, (48, len(FACTORS)))
    extreme = Scene(np.take_along_axis(ends[None], draws[:, :, None], 2)[:, :, 0].astype(np.float32))
    image = render(extreme, 64)
    monkeypatch.setattr(layers, "PARTS", tuple(((-1, 1, -1, 1), part) for _, part in layers.PARTS))
    assert torch.equal(render(extreme, 64), image)


@pytest.mark.parametrize("resolution", [0, 48])
def test_sizes_that_are_no_multiples_of_32_are_refused(latents: FloatArray, resolution: int) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        render(latents[:1], resolution)
