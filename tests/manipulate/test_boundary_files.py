"""Boundaries as files: complete, deterministic, refused when damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import StoreError, WeightsError
from higan_cam.manipulate.boundary_files import (
    decode_boundary,
    encode_boundary,
    export_npy,
    load_boundary,
    save_boundary,
)
from higan_cam.types import Boundary

NORMAL = np.random.default_rng(1).standard_normal(32).astype(np.float32)
NORMAL /= np.linalg.norm(NORMAL)
BOUNDARY = Boundary(NORMAL, -1.25, "w", (0, 1, 4), "indoor_lighting", {"method": "svm", "C": 0.001, "none": None})


def same(a: Boundary, b: Boundary) -> bool:
    rest = (a.offset, a.space, a.layers, a.attribute, a.metrics) == (
        b.offset,
        b.space,
        b.layers,
        b.attribute,
        b.metrics,
    )
    return rest and a.normal.dtype == b.normal.dtype and a.normal.tobytes() == b.normal.tobytes()


@given(st.integers(0, 10**6), st.integers(1, 40), st.floats(-1e6, 1e6), st.sets(st.integers(0, 17)))
def test_a_boundary_survives_its_files(seed: int, size: int, offset: float, layers: set[int]) -> None:
    normal = np.random.default_rng(seed).standard_normal(size)
    unit = (normal / np.linalg.norm(normal)).astype(np.float32)
    boundary = replace(BOUNDARY, normal=unit, offset=offset, layers=tuple(sorted(layers)))
    assert same(decode_boundary(*encode_boundary(boundary)), boundary)
    assert encode_boundary(boundary) == encode_boundary(boundary)


def test_folders_hold_the_two_files_under_the_attributes_name(tmp_path: Path) -> None:
    tensors, document = save_boundary(BOUNDARY, tmp_path / "boundary")
    assert (tensors.name, document.name) == ("indoor_lighting.safetensors", "indoor_lighting.json")
    assert json.loads(document.read_text())["metrics"]["C"] == 0.001
    assert same(load_boundary(tensors), BOUNDARY)
    document.unlink()
    assert same(load_boundary(tensors), replace(BOUNDARY, metrics={}))


def test_higan_files_are_exported_and_loaded_by_suffix(tmp_path: Path) -> None:
    path = export_npy(BOUNDARY, tmp_path / "indoor_lighting_boundary.npy")
    loaded = load_boundary(path)
    assert loaded.normal.tobytes() == NORMAL.tobytes()
    assert (loaded.attribute, loaded.layers, loaded.offset) == ("indoor_lighting", (0, 1, 4), 0.0)


def test_missing_foreign_and_unwritable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent.npy: cannot be read"):
        load_boundary(tmp_path / "absent.npy")
    with pytest.raises(WeightsError, match=r"boundary.pkl: expected"):
        load_boundary(tmp_path / "boundary.pkl")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        save_boundary(BOUNDARY, tmp_path / "file")
    with pytest.raises(StoreError, match="plain name"):
        save_boundary(replace(BOUNDARY, attribute="../escape"), tmp_path)


def test_nan_metrics_are_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        encode_boundary(replace(BOUNDARY, metrics={"rho": float("nan")}))


@pytest.mark.parametrize(
    ("boundary", "message"),
    [
        (replace(BOUNDARY, normal=2 * NORMAL), "length 2"),
        (replace(BOUNDARY, offset=float("inf")), "offset must be"),
        (replace(BOUNDARY, space="x"), "space must be"),  # type: ignore[arg-type]
        (replace(BOUNDARY, attribute="../up"), "plain name"),
        (replace(BOUNDARY, layers=(3, 70)), "layers"),
    ],
)
def test_contents_that_are_no_boundary_are_refused(boundary: Boundary, message: str) -> None:
    with pytest.raises(WeightsError, match=f"x.safetensors: .*{message}"):
        decode_boundary(*encode_boundary(boundary), "x.safetensors")


def test_the_json_of_another_boundary_is_refused() -> None:
    tensors, _ = encode_boundary(BOUNDARY)
    _, other = encode_boundary(replace(BOUNDARY, layers=(5,)))
    with pytest.raises(WeightsError, match="differs in layers"):
        decode_boundary(tensors, other)
    for broken in (b"{", b"[]", b'{"metrics": 3}', b"[" * 100_000):
        with pytest.raises(WeightsError):
            decode_boundary(tensors, broken)


@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_a_damaged_byte_gives_a_boundary_or_a_weights_error(at: int, value: int, truncate: bool) -> None:
    data = bytearray(encode_boundary(BOUNDARY)[0])
    at %= len(data)
    data[at] = value
    try:
        boundary = decode_boundary(bytes(data[:at] if truncate else data))
    except WeightsError:
        return
    assert np.linalg.norm(boundary.normal) == pytest.approx(1, abs=1e-3)
