"""Rescoring against the numbers of HiGAN's rescore.py, with the stub predictor that the reference was made with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.manipulate.rescore import Relevance, relevance, rescore

TRUNCATION = torch.tensor([0.7] * 8 + [1.0] * 6)[:, None]


def predictor(arrays: dict[str, np.ndarray], attribute: int) -> Callable[[Tensor], Tensor]:
    """sin(sum over layers of weight x dot(code, direction)), as rescore_cases.json defines it."""
    weights = torch.from_numpy(arrays["predictor_layer_weight"][:, attribute])
    direction = torch.from_numpy(arrays["predictor_directions"][attribute])
    return lambda codes: torch.sin(((codes.float() @ direction) * weights).sum(dim=1))


@pytest.fixture(scope="module")
def arrays(parity: Path) -> dict[str, np.ndarray]:
    with np.load(parity / "rescore.npz") as loaded:
        return dict(loaded)


def rescored(arrays: dict[str, np.ndarray], name: str) -> Relevance:
    if name == "alpha_w":
        normal = torch.from_numpy(arrays["boundary_alpha_w"])
        return rescore(predictor(arrays, 0), torch.from_numpy(arrays["wp"]).double(), TRUNCATION * normal)
    normal = torch.from_numpy(arrays["boundary_gamma_wp"][0])
    return rescore(predictor(arrays, 2), torch.from_numpy(arrays["wp"]), normal)


@pytest.mark.parametrize("name", ["alpha_w", "gamma_wp"])
def test_layerwise_scores_and_relevance_match(arrays: dict[str, np.ndarray], name: str) -> None:
    found = rescored(arrays, name)
    np.testing.assert_allclose(found.scores, arrays[f"layerwise_{name}_scores"], atol=1e-5)
    np.testing.assert_allclose(found.layers, arrays[f"layerwise_{name}_per_layer"], atol=1e-5)
    assert found.overall == pytest.approx(float(arrays[f"layerwise_{name}_overall"]), abs=1e-5)


def test_a_boundary_in_z_has_an_overall_relevance_only(arrays: dict[str, np.ndarray]) -> None:
    score, step = predictor(arrays, 1), 2 * torch.from_numpy(arrays["boundary_beta_z"])
    z = torch.from_numpy(arrays["z"])
    columns = [score(codes[:, None].expand(-1, 14, -1)) for codes in (z, z + step)]
    found = relevance(torch.stack(columns, 1).numpy())
    np.testing.assert_allclose(found.scores, arrays["plain_beta_z_scores"], atol=1e-5)
    assert found.overall == pytest.approx(float(arrays["plain_beta_z_overall"]), abs=1e-5)
    assert found.layers.shape == (0,)


def test_layers_are_listed_in_the_order_that_higan_printed(arrays: dict[str, np.ndarray], parity: Path) -> None:
    log = json.loads((parity / "rescore_cases.json").read_text())["log"]["layerwise"]
    lines = [match for line in log if (match := re.fullmatch(r"  Layer (\d+):  (\d\.\d+)", line))]
    for name, printed in (("alpha_w", lines[:14]), ("gamma_wp", lines[14:])):
        layers = rescored(arrays, name).layers
        order = np.argsort(-layers, kind="stable")
        assert [int(match[1]) for match in printed] == order.tolist()
        assert [match[2] for match in printed] == [f"{layers[layer]:.4f}" for layer in order]
