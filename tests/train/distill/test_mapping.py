"""The mapping solved in closed form is the factors, exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.rooms.scene import FACTORS, Z_DIM, factors
from higan_cam.train.distill.latents import as_tensor, held_out_latents
from higan_cam.train.distill.mapping import (
    GAIN,
    MARGIN,
    SLOPE,
    Affine,
    ClippedFactor,
    Product,
    install_mapping,
    solve_mapping,
)
from higan_cam.train.distill.rooms import rooms_factors, rooms_products
from higan_cam.train.distill.trainee import build_generator
from higan_cam.train.distill.worlds import toy_world
from higan_cam.types import FloatArray

UNIT = st.floats(0.1, 3)
DIM = 5


@st.composite
def clipped(draw: st.DrawFn, binary: bool) -> ClippedFactor:
    row = np.array(draw(st.lists(st.floats(-1, 1), min_size=DIM, max_size=DIM)))
    low = 0.0 if binary else draw(st.floats(-2, 1))
    high = 1.0 if binary else low + draw(UNIT)
    return ClippedFactor(row, draw(st.floats(-5, 5)), draw(st.floats(-2, 2)), low, high, draw(UNIT))


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[ClippedFactor], list[Product]]:
    binaries = draw(st.lists(clipped(binary=True), min_size=2, max_size=4))
    others = draw(st.lists(clipped(binary=False), max_size=3))
    at = st.integers(0, len(binaries) - 1)
    pairs = draw(st.lists(st.tuples(at, at, UNIT), max_size=4))
    return binaries + others, [Product(*pair) for pair in pairs]


def forward(layers: list[Affine], x: FloatArray) -> FloatArray:
    for layer in layers:
        y = x @ layer.weight.T + layer.bias
        x = GAIN * np.where(y > 0, y, SLOPE * y)
    return x


def expected(found: list[ClippedFactor], products: list[Product], z: FloatArray) -> FloatArray:
    """scale (v - low), and scale max(0, p + q - 1), which is scale p q where p or q is 0 or 1; both plus the margin."""
    raw = [np.clip(f.slope * (z @ f.row) + f.shift, f.low, f.high) - f.low for f in found]
    columns = [f.scale * value for f, value in zip(found, raw, strict=True)]
    columns += [p.scale * np.maximum(0, raw[p.left] + raw[p.right] - 1) for p in products]
    return np.stack(columns, axis=1) + MARGIN


@given(problems(), st.integers(0, 2**31))
def test_solved_layers_are_the_factors_exactly(problem: tuple[list[ClippedFactor], list[Product]], seed: int) -> None:
    z = 2 * np.random.default_rng(seed).standard_normal((20, DIM))
    w = forward(solve_mapping(*problem, hidden=16, w_dim=14), z)
    truth = expected(*problem, z)
    np.testing.assert_allclose(w[:, : truth.shape[1]], truth, rtol=0, atol=1e-10)
    assert not w[:, truth.shape[1] :].any()


@pytest.mark.parametrize(("hidden", "w_dim"), [(3, 9), (16, 2)])
def test_too_small_a_network_is_refused(hidden: int, w_dim: int) -> None:
    factor = ClippedFactor(np.ones(DIM), 1.0, 0.0, 0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match=rf"needs hidden >= 4 and w_dim >= 3, got {hidden} and {w_dim}"):
        solve_mapping([factor, factor], [Product(0, 1, 1.0)], hidden, w_dim)


def test_installed_layers_survive_the_equalised_learning_rate_and_are_frozen() -> None:
    generator = StyleGAN2(resolution=8, z_dim=8, w_dim=6, mapping_layers=3, mapping_width=6, channels=(4, 4))
    rng = np.random.default_rng(0)
    found = [ClippedFactor(rng.standard_normal(8), 0.7, 0.1, 0.0, 1.0, 2.0) for _ in range(2)]
    layers = solve_mapping(found, [Product(0, 1, 1.5)], 6, 6)
    install_mapping(generator, layers)
    z = rng.standard_normal((9, 8))
    z *= np.sqrt(8) / np.linalg.norm(z, axis=1, keepdims=True)
    np.testing.assert_allclose(generator.map(as_tensor(z)), forward(layers, z), atol=1e-5)
    assert not any(parameter.requires_grad for parameter in generator.mapping.parameters())


def test_the_rooms_mapping_is_the_rooms_factors() -> None:
    z = held_out_latents(400)
    with torch.no_grad():
        w = build_generator((4, 4), 8, toy_world("rooms")).map(as_tensor(z)).numpy()
    values, specs, products = factors(z), rooms_factors(), rooms_products()
    decoded = (w[:, : len(specs)] - MARGIN) / [f.scale for f in specs] + [f.low for f in specs]
    np.testing.assert_allclose(decoded, values, rtol=0, atol=2e-4)
    for column, product in enumerate(products, start=len(specs)):
        left, right = values[:, product.left], values[:, product.right]
        clean = np.isin(left, (0, 1)) | np.isin(right, (0, 1))
        found = (w[:, column] - MARGIN) / product.scale
        np.testing.assert_allclose(found[clean], (left * right)[clean], rtol=0, atol=2e-4)
    assert z.shape[1] == Z_DIM


def test_no_product_lights_a_lamp() -> None:
    """Else a linear boundary would light lamps that do not exist."""
    roles = {FACTORS[i].role for product in rooms_products() for i in (product.left, product.right)}
    assert "drive" not in roles
    assert "lamp" in roles
