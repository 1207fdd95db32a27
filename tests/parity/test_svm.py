"""Boundaries against those of the reference on identical training indices (shared/parity, section 5)."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from higan_cam.manipulate.fit_metrics import cosine
from higan_cam.manipulate.linear_svm import linear_svm

CASES = ["s1_num", "s2_ratio_invalid", "s3_clamped", "s4_labels", "s5_separable_no_val", "s6_full_size"]


def full_size(case: dict[str, object]) -> np.ndarray:
    g = np.random.Generator(np.random.PCG64(6))
    g.standard_normal(512)
    data = g.standard_normal((10000, 512)).astype(np.float32)
    if zlib.crc32(data.tobytes()) != case["data_crc32"]:
        pytest.skip("this numpy draws other normal numbers than the one the case was made with")
    return data


@pytest.mark.parametrize("name", CASES)
def test_the_reference_boundary_is_reached_on_its_own_split(parity: Path, name: str) -> None:
    arrays = np.load(parity / "svm.npz")
    case = next(c for c in json.loads((parity / "svm_cases.json").read_text())["cases"] if c["name"] == name)
    data = full_size(case) if name == "s6_full_size" else arrays[f"{name}_data"]
    positive, negative = arrays[f"{name}_pos_train_idx"], arrays[f"{name}_neg_train_idx"]
    sides = np.repeat([1.0, -1.0], [len(positive), len(negative)])
    weights, intercept = linear_svm(data[np.concatenate([positive, negative])], sides, 1.0)

    length = float(np.linalg.norm(weights))
    assert cosine(weights, arrays[f"{name}_boundary"][0]) >= 0.9999
    assert intercept / length == pytest.approx(float(arrays[f"{name}_intercept"][0]) / length, abs=2e-3)
    for part, side in (("pos", 1), ("neg", -1)):
        rows = arrays[f"{name}_{part}_val_idx"]
        right = int((side * (data[rows] @ weights + intercept) > 0).sum())
        if len(rows):
            expected = case["accuracy"]["validation_set"]["positive" if side > 0 else "negative"][0]
            assert abs(right - expected) <= 1
