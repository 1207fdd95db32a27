"""Tensor files: what goes in comes out, byte for byte the same; what is unsafe or damaged is refused by name."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.weights.files import load_tensors, save_tensors, sha256_of

TENSORS = {"b.weight": torch.arange(6.0).view(2, 3), "a": torch.tensor(3), "c": torch.ones(2, dtype=torch.float16)}
METADATA = {str(n): "x" * n for n in range(20)}


def test_tensors_and_metadata_come_back(tmp_path: Path) -> None:
    save_tensors(tmp_path / "t.safetensors", TENSORS, METADATA)
    tensors, metadata = load_tensors(tmp_path / "t.safetensors")
    assert metadata == METADATA
    assert set(tensors) == set(TENSORS)
    assert all(torch.equal(tensors[key], TENSORS[key].to(tensors[key].dtype)) for key in TENSORS)


def test_bytes_do_not_depend_on_the_order_of_arguments(tmp_path: Path) -> None:
    reversed_tensors, reversed_metadata = (dict(reversed(list(d.items()))) for d in (TENSORS, METADATA))
    save_tensors(tmp_path / "1.safetensors", TENSORS, METADATA)
    save_tensors(tmp_path / "2.safetensors", reversed_tensors, reversed_metadata)
    assert (tmp_path / "1.safetensors").read_bytes() == (tmp_path / "2.safetensors").read_bytes()


def test_saving_leaves_no_other_file(tmp_path: Path) -> None:
    save_tensors(tmp_path / "t.safetensors", TENSORS, {})
    assert [path.name for path in tmp_path.iterdir()] == ["t.safetensors"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS, {})
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        save_tensors(path, {"a": torch.zeros(1)}, {})
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["t.safetensors"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_16_bit_floats_widen_on_load(dtype: torch.dtype, suffix: str, tmp_path: Path) -> None:
    path, tensor = tmp_path / f"t.{suffix}", torch.tensor([0.5, 1.5], dtype=dtype)
    if suffix == "pth":
        torch.save({"a": tensor, "n": torch.tensor([1, 2])}, path)
    else:
        save_tensors(path, {"a": tensor, "n": torch.tensor([1, 2])}, {})
    tensors, _ = load_tensors(path)
    assert tensors["a"].dtype == torch.float32
    assert tensors["a"].tolist() == [0.5, 1.5]
    assert tensors["n"].dtype == torch.int64


@pytest.mark.parametrize(
    ("checkpoint", "keys"),
    [
        ({"a.b": torch.zeros(1)}, {"a.b"}),
        ({"state_dict": {"module.a": torch.zeros(1)}, "epoch": 3, "arch": "resnet18"}, {"module.a"}),
        ({"generator": {"a": torch.zeros(1)}, "other": {"a": torch.zeros(1)}}, {"generator.a", "other.a"}),
        ({"models": {"g": {"a": torch.zeros(1)}, "h": {"a": torch.zeros(1)}}, "metadata": {"n": 3}}, {"g.a", "h.a"}),
        ({"a": torch.zeros(1), "nested": {"b": torch.zeros(1)}}, {"a", "nested.b"}),
    ],
)
def test_nested_checkpoints_are_flattened(checkpoint: object, keys: set[str], tmp_path: Path) -> None:
    torch.save(checkpoint, tmp_path / "c.pth")
    assert set(load_tensors(tmp_path / "c.pth")[0]) == keys


class Payload:
    """Creates a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("plain", [False, True], ids=["torch zip", "plain pickle"])
def test_pickled_code_is_refused_and_not_run(plain: bool, tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "ran"
    if plain:
        path.write_bytes(pickle.dumps({"a": Payload(trace)}, protocol=2))
    else:
        torch.save({"a": Payload(trace)}, path)
    with pytest.raises(WeightsError, match=r"evil\.pth: refused"):
        load_tensors(path)
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("kept", [0, 5, 200])
def test_a_truncated_file_is_refused(suffix: str, kept: int, tmp_path: Path) -> None:
    path = tmp_path / f"t.{suffix}"
    if suffix == "pth":
        torch.save(TENSORS, path)
    else:
        save_tensors(path, TENSORS, METADATA)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=rf"t\.{suffix}: "):
        load_tensors(path)


@pytest.mark.parametrize(
    ("name", "message"), [("none.pth", "no such weights file"), ("a.npy", "a numpy array, not a state dict; expected")]
)
def test_files_that_are_no_weights_are_named(name: str, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(WeightsError, match=message):
        load_tensors(tmp_path / name)


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "e.pth")
    with pytest.raises(WeightsError, match="holds no tensors"):
        load_tensors(tmp_path / "e.pth")


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "f") == hashlib.sha256(b"abc" * 100_000).hexdigest()
    with pytest.raises(WeightsError, match="no such"):
        sha256_of(tmp_path / "g")
