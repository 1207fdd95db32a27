"""Edits, mixing, interpolation and projection against the reference editor (shared/parity, section 4)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import parse_layers
from higan_cam.errors import ConfigError
from higan_cam.manipulate import condition, interpolate, load_boundary, mix_styles, push, sweep
from higan_cam.types import Boundary, Edit

TOLERANCE = 1e-5
ROWS = 14
EDITS = {
    "m1": ("wp", slice(0, 2), "indoor_lighting"),
    "m2": ("wp", slice(0, 1), "view"),
    "m3": ("wp", slice(0, 1), "view"),
    "m4_neg": ("wp", slice(0, 2), "indoor_lighting"),
    "m4_pos": ("wp", slice(0, 2), "indoor_lighting"),
    "m6_tiled_code": ("w", slice(0, 1), "wood"),
    "m7_layerwise_boundary": ("wp", slice(0, 1), "layerwise"),
    "m8_all_layers": ("wp", slice(0, 1), "scary"),
    "m10_step1": ("wp", slice(0, 1), "indoor_lighting"),
}


@pytest.fixture(scope="module")
def arrays(parity: Path) -> dict[str, np.ndarray]:
    return dict(np.load(parity / "editor.npz"))


@pytest.fixture(scope="module")
def cases(parity: Path) -> dict[str, Any]:
    return {case["name"]: case for case in json.loads((parity / "editor_cases.json").read_text())["cases"]}


def published(shared: Path, name: str) -> Boundary:
    return load_boundary(shared / "boundaries" / "stylegan_bedroom" / f"{name}_boundary.npy")


def normals(shared: Path, name: str) -> Boundary | Tensor:
    if name != "layerwise":
        return published(shared, name)
    odd, even = (torch.from_numpy(published(shared, n).normal) for n in ("indoor_lighting", "wood"))
    return torch.stack([(i + 1) * (odd if i % 2 else even) for i in range(ROWS)])


def planned(args: dict[str, Any]) -> tuple[Edit, list[float]]:
    strength = args["layerwise_manipulation_strength"]
    strength = tuple(strength) if isinstance(strength, list) else (float(strength),) * ROWS
    layers = args["manipulate_layers"]
    text = "all" if layers is None else str(layers).strip("[]")
    distances = np.linspace(args["start_distance"], args["end_distance"], args["step"]).tolist()
    return Edit(args["end_distance"], parse_layers(text, ROWS, ()), strength), distances


@pytest.mark.parametrize("name", sorted(EDITS))
def test_sweep_moves_codes_as_manipulate_does(arrays: Any, cases: Any, shared: Path, name: str) -> None:
    source, rows, boundary = EDITS[name]
    codes = torch.from_numpy(arrays[source][rows])
    w_plus = codes if source == "wp" else codes[:, None].expand(-1, ROWS, -1)
    edit, distances = planned(cases[name]["args"])
    moved = sweep(w_plus, normals(shared, boundary), edit, distances)
    np.testing.assert_allclose(moved.numpy(), arrays[f"out_{name}"], atol=TOLERANCE, rtol=0)


def test_flat_codes_move_as_codes_of_one_row(arrays: Any, shared: Path) -> None:
    w = torch.from_numpy(arrays["w"])[:, None]
    moved = sweep(w, published(shared, "wood"), Edit(0.0, (0,), (1.0,)), np.linspace(-2, 5, 8).tolist())
    np.testing.assert_allclose(moved[:, :, 0].numpy(), arrays["out_m5_flat"], atol=TOLERANCE, rtol=0)


def test_push_gives_the_two_ends_the_masks_are_made_from(arrays: Any, cases: Any, shared: Path) -> None:
    edit, _ = planned(cases["m4_pos"]["args"])
    ends = push(torch.from_numpy(arrays["wp"][:2]), published(shared, "indoor_lighting"), edit)
    for codes, name in zip(ends, ("m4_neg", "m4_pos"), strict=True):
        np.testing.assert_allclose(codes.numpy(), arrays[f"out_{name}"][:, 1], atol=TOLERANCE, rtol=0)


def test_the_published_ends_of_the_cam_latents(parity: Path, shared: Path) -> None:
    strength = (0.7,) * 8 + (1.0,) * 6
    for number in range(4):
        latent = np.load(parity / f"cam_latent{number}.npz")
        edit = Edit(3.0, tuple(range(6, 12)), strength)
        ends = push(torch.from_numpy(latent["wp"])[None], published(shared, "indoor_lighting"), edit)
        for codes, name in zip(ends, ("code_neg", "code_pos"), strict=True):
            np.testing.assert_allclose(codes[0].numpy(), latent[name], atol=1e-6, rtol=0)


def test_a_reversed_range_is_refused_where_the_reference_edits_every_layer() -> None:
    with pytest.raises(ConfigError, match="layers"):
        parse_layers("11-6", ROWS, ())


@pytest.mark.parametrize(
    ("name", "styles", "contents", "layers"),
    [
        ("x1_mix", ("wp", slice(0, 2)), ("wp", slice(1, 3)), "0-3, 9"),
        ("x2_mix_flat_style", ("w", slice(0, 1)), ("wp", slice(1, 2)), "8-13"),
        ("x3_mix_all", ("wp", slice(0, 1)), ("w", slice(1, 2)), "all"),
    ],
)
def test_mixing_is_mix_style(arrays: Any, name: str, styles: Any, contents: Any, layers: str) -> None:
    def rows_of(source: str, rows: slice) -> Tensor:
        codes = torch.from_numpy(arrays[source][rows])
        return codes if source == "wp" else codes[:, None].expand(-1, ROWS, -1)

    mixed = mix_styles(rows_of(*styles), rows_of(*contents), parse_layers(layers, ROWS, ()))
    np.testing.assert_array_equal(mixed.numpy(), arrays[f"out_{name}"])


@pytest.mark.parametrize(
    ("name", "source", "start", "end", "steps"),
    [
        ("i1_interp", "wp", slice(0, 1), slice(2, 3), 5),
        ("i2_interp_w", "w", slice(0, 2), slice(1, 3), 4),
        ("i3_interp_step1", "w", slice(0, 1), slice(1, 2), 1),
    ],
)
def test_interpolation_is_interpolate(
    arrays: Any, name: str, source: str, start: slice, end: slice, steps: int
) -> None:
    codes = torch.from_numpy(arrays[source])
    line = interpolate(codes[start], codes[end], steps)
    np.testing.assert_allclose(line.numpy(), arrays[f"out_{name}"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(("name", "others"), [("p1", ["wood"]), ("p2", ["wood", "scary"])])
def test_conditioning_is_project_boundary(arrays: Any, shared: Path, name: str, others: list[str]) -> None:
    primal = replace(published(shared, "indoor_lighting"), offset=1.0)
    result = condition(primal, [published(shared, other) for other in others])
    np.testing.assert_allclose(result.normal, arrays[f"out_{name}"][0], atol=TOLERANCE, rtol=0)
    for other in others:
        assert abs(float(result.normal @ published(shared, other).normal)) < 1e-6
