"""An ONNX file says what the student says."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.mask.student import Student, StudentNetwork
from higan_cam.mask.student.to_onnx import onnx_bytes, onnx_problem
from tests.mask.student.conftest import SIDE


@pytest.fixture
def student(network: StudentNetwork) -> Student:
    """The tiny network, ready."""
    return Student(network.for_inference(), SIDE, "warmth")


@pytest.mark.parametrize("count", [1, 5])
def test_onnx_runtime_gives_the_students_maps(student: Student, count: int) -> None:
    pytest.importorskip("onnx", reason="onnx is an extra")
    runtime = pytest.importorskip("onnxruntime", reason="onnx is an extra")
    session = runtime.InferenceSession(onnx_bytes(student), providers=["CPUExecutionProvider"])
    image = torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) * 2 - 1
    heat, mask = session.run(["heat", "mask"], {"image": image.numpy()})
    np.testing.assert_allclose(heat, student.heat(image).numpy(), atol=1e-5)
    np.testing.assert_allclose(mask, student.mask(image).numpy(), atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map == {"attribute": "warmth", "side": str(SIDE)}


def test_the_same_student_gives_the_same_bytes(student: Student) -> None:
    pytest.importorskip("onnx", reason="onnx is an extra")
    assert onnx_bytes(student) == onnx_bytes(student)


def test_a_network_that_still_learns_is_refused() -> None:
    pytest.importorskip("onnx", reason="onnx is an extra")
    with pytest.raises(ConfigError, match="inference"):
        onnx_bytes(Student(StudentNetwork((4, 6)), SIDE))


def test_without_the_library_the_extra_is_named(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert "higan-cam[onnx]" in (onnx_problem() or "")
    with pytest.raises(ConfigError, match=r"higan-cam\[onnx\]"):
        onnx_bytes(student)
