"""Samples are what their codes draw, and each depends on its number alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.generate import to_uint8
from higan_cam.invert.encoder import reduced
from higan_cam.train.encoder.samples import Source, direction_of, draw_samples
from higan_cam.types import Boundary


def test_a_sample_depends_on_seed_and_number_alone(source: Source) -> None:
    whole = draw_samples(source, range(40), seed=3, side=16, pushed=0.5, push=2.0)
    part = draw_samples(source, [17, 5], seed=3, side=16, pushed=0.5, push=2.0)
    np.testing.assert_allclose(part.white, whole.white[[17, 5]], atol=1e-5)
    assert np.abs(part.pictures.astype(int) - whole.pictures[[17, 5]]).max() <= 1
    other = draw_samples(source, [17, 5], seed=4, side=16)
    assert np.abs(other.white - part.white).max() > 0.1


def test_a_code_draws_its_picture(source: Source) -> None:
    samples = draw_samples(source, range(4), seed=3, side=16, pushed=1.0, push=2.0)
    w_plus = source.statistics.w_plus(torch.from_numpy(samples.white)[:, None])
    drawn = to_uint8(reduced(source.generator.synthesize(w_plus)[0].clamp(-1, 1), 16))
    assert np.abs(drawn.astype(int) - samples.pictures).max() <= 1


def test_samples_that_are_not_pushed_are_the_generators_own(source: Source) -> None:
    samples = draw_samples(source, range(400), seed=3, side=16)
    varies = source.statistics.varies[source.widest].numpy()
    assert samples.white[:, varies].std(axis=0) == pytest.approx(1, abs=0.25)
    assert not samples.white[:, ~varies].any()


def test_pushes_go_as_far_as_asked_in_directions_that_vary(source: Source) -> None:
    plain, pushed = (draw_samples(source, range(30), seed=3, side=16, pushed=share, push=2.0) for share in (0, 1))
    length = np.linalg.norm(pushed.white - plain.white, axis=1)
    assert (length <= 2 + 1e-4).all()
    assert length.max() > 1
    some = draw_samples(source, range(200), seed=3, side=16, pushed=0.3, push=2.0)
    none = draw_samples(source, range(200), seed=3, side=16)
    assert (np.abs(some.white - none.white).max(axis=1) > 1e-4).mean() == pytest.approx(0.3, abs=0.1)


def test_about_half_of_the_pushes_follow_a_boundary(source: Source) -> None:
    normal = np.eye(source.generator.w_dim, dtype=np.float32)[2]
    boundary = Boundary(normal, 0.0, "w", (0,), "light")
    along = replace(source, direction=direction_of(boundary, source.generator, source.statistics))
    steps = [draw_samples(each, range(60), seed=3, side=16, pushed=1.0, push=2.0).white for each in (along, source)]
    plain = draw_samples(source, range(60), seed=3, side=16).white
    moved = steps[0] - plain
    only = np.abs(np.delete(moved, 2, axis=1)).max(axis=1) < 1e-5
    assert only.mean() == pytest.approx(0.5, abs=0.2)
    np.testing.assert_allclose(moved[~only], (steps[1] - plain)[~only], atol=1e-5)


def test_a_code_unit_along_a_boundary_is_one_of_w(source: Source) -> None:
    draw = np.random.default_rng(0).standard_normal(source.generator.w_dim)
    boundary = Boundary((draw / np.linalg.norm(draw)).astype(np.float32), 0.0, "w", (0,), "light")
    step = torch.from_numpy(direction_of(boundary, source.generator, source.statistics)).float()
    w_plus = source.statistics.w_plus(torch.stack([torch.zeros_like(step), step])[:, None])
    strength = torch.tensor(source.generator.edit_strength)[:, None]
    expected = strength * torch.from_numpy(boundary.normal) * source.statistics.varies
    torch.testing.assert_close(w_plus[1] - w_plus[0], expected, atol=1e-4, rtol=1e-3)


def test_a_boundary_of_another_generator_is_refused(source: Source) -> None:
    boundary = Boundary(np.ones(3, np.float32) / np.sqrt(3), 0.0, "w", (0,), "light")
    with pytest.raises(ConfigError, match="boundary 'light' lies in w of 3 numbers"):
        direction_of(boundary, source.generator, source.statistics)
