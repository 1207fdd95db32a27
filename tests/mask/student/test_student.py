"""A student in a file, and what it says of pictures of any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.mask.student import (
    Student,
    StudentNetwork,
    decode_student,
    encode_student,
    load_student,
    save_student,
)
from higan_cam.weights.embedded import EMBEDDED_SCORERS, embedded_path
from higan_cam.weights.files import load_tensors, save_tensors
from tests.mask.student.conftest import SIDE


@pytest.fixture
def student(network: StudentNetwork) -> Student:
    """The tiny network, ready."""
    return Student(network.for_inference(), SIDE)


def pictures(side: int, count: int = 3) -> torch.Tensor:
    """Random pictures in [-1,1]."""
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(side)) * 2 - 1


@pytest.mark.parametrize("side", [16, SIDE, 77])
def test_heat_and_mask_have_half_the_students_side_whatever_the_pictures(student: Student, side: int) -> None:
    image = pictures(side)
    for maps in (student.heat(image), student.mask(image)):
        assert maps.shape == (3, SIDE // 2, SIDE // 2)
        assert 0 <= float(maps.min()) <= float(maps.max()) <= 1
    assert torch.equal(student.maps(image)[:, 0], student.heat(image))


def test_a_picture_gets_the_same_answer_alone_and_among_others(student: Student) -> None:
    image = pictures(SIDE, 20)
    torch.testing.assert_close(student.heat(image[17:18])[0], student.heat(image)[17], atol=1e-5, rtol=1e-5)


def test_no_pictures_give_no_maps(student: Student) -> None:
    assert student.maps(pictures(SIDE, 0)).shape == (0, 2, SIDE // 2, SIDE // 2)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 3, 8, 16)])
def test_what_is_no_square_picture_is_refused(student: Student, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="square pictures"):
        student.heat(torch.zeros(shape))


def test_a_stored_student_comes_back(network: StudentNetwork, tmp_path: Path) -> None:
    save_student(tmp_path / "a.safetensors", network, SIDE, "warmth")
    loaded = load_student(tmp_path / "a.safetensors")
    assert (loaded.side, loaded.attribute) == (SIDE, "warmth")
    expected = Student(network.for_inference(), SIDE).maps(pictures(SIDE))
    torch.testing.assert_close(loaded.maps(pictures(SIDE)), expected, atol=0.02, rtol=0)  # 16-bit weights


def test_the_same_network_gives_the_same_bytes(network: StudentNetwork, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_student(tmp_path / name, network, SIDE, "warmth")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_students_bytes_are_those_of_its_file_and_come_back(network: StudentNetwork, tmp_path: Path) -> None:
    save_student(tmp_path / "a", network, SIDE, "warmth")
    body = encode_student(network, SIDE, "warmth")
    assert body == (tmp_path / "a").read_bytes()
    loaded = decode_student(body, "run/student")
    assert (loaded.side, loaded.attribute) == (SIDE, "warmth")
    assert torch.equal(loaded.maps(pictures(SIDE)), load_student(tmp_path / "a").maps(pictures(SIDE)))


@pytest.mark.parametrize("cut", [0, 4, 60, -1])
def test_cut_off_bytes_are_refused_by_name(cut: int, network: StudentNetwork) -> None:
    with pytest.raises(WeightsError, match="run/student"):
        decode_student(encode_student(network, SIDE, "warmth")[:cut], "run/student")


def test_a_scorers_file_is_no_student() -> None:
    with pytest.raises(WeightsError, match="not a student"):
        load_student(embedded_path(EMBEDDED_SCORERS["rooms"].file))


@pytest.mark.parametrize(
    "change",
    [
        {"side": 30},
        {"side": "32"},
        {"side": 0},
        {"channels": [4, 6]},
        {"channels": [4]},
        {"channels": 4},
        {"channels": ["a", "b"]},
        {"attribute": 1},
    ],
)
def test_settings_that_do_not_fit_the_tensors_are_refused(
    network: StudentNetwork, tmp_path: Path, change: dict[str, Any]
) -> None:
    save_student(tmp_path / "a.safetensors", network, SIDE, "warmth")
    tensors, metadata = load_tensors(tmp_path / "a.safetensors")
    settings = json.dumps({**json.loads(metadata["settings"]), **change})
    save_tensors(tmp_path / "b.safetensors", tensors, {"settings": settings})
    with pytest.raises(WeightsError, match=r"b\.safetensors: not a student"):
        load_student(tmp_path / "b.safetensors")


def test_no_file_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nothing"):
        load_student(tmp_path / "nothing.safetensors")
