"""Label maps are drawn from the shapes of the picture, and answer to the factors as the picture does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.faces.labels import label_map
from higan_cam.faces.render import render
from higan_cam.faces.scene import Scene
from higan_cam.types import FloatArray
from higan_cam.worlds.face_parts import PARTS

STEPS = np.linspace(0, 1, 9, dtype=np.float32)


def rows_of(labels: Tensor, *names: str) -> list[int]:
    """In how many rows of each map the labels are seen."""
    wanted = torch.tensor([PARTS.index(name) for name in names], dtype=torch.uint8)
    return torch.isin(labels, wanted).any(dim=2).sum(dim=1).tolist()


def swept(plain: Scene, name: str, resolution: int = 64) -> Tensor:
    """Label maps of one face while a factor runs from 0 to 1."""
    return label_map(Scene(np.repeat(plain.values, len(STEPS), 0)).with_value(name, STEPS), resolution)


def test_every_face_has_every_part_but_an_inner_mouth(faces: Scene) -> None:
    labels = label_map(faces, 64)
    assert (labels.shape, labels.dtype) == ((len(faces), 64, 64), torch.uint8)
    for part in set(PARTS) - {"inner_mouth"}:
        assert (labels == PARTS.index(part)).any(dim=2).any(dim=1).all(), part


@pytest.mark.parametrize(
    ("factor", "parts"), [("mouth", ["inner_mouth"]), ("eyes", ["eye_left"]), ("hair_length", ["hair"])]
)
@pytest.mark.parametrize("resolution", [64, 128])
def test_rows_grow_with_the_property(plain: Scene, factor: str, parts: list[str], resolution: int) -> None:
    rows = rows_of(swept(plain, factor, resolution), *parts)
    assert all(low <= high for low, high in pairwise(rows))
    assert rows[-1] > rows[0] + 2


def test_a_shut_mouth_has_no_inside_and_a_shut_eye_is_still_there(plain: Scene) -> None:
    assert rows_of(swept(plain, "mouth"), "inner_mouth")[0] == 0
    assert rows_of(swept(plain, "eyes"), "eye_left")[0] >= 1


@pytest.mark.parametrize("factor", ["hair_color", "skin_tone", "background_std", "glasses", "light"])
def test_colours_and_spectacles_leave_the_parts_where_they_are(plain: Scene, factor: str) -> None:
    labels = swept(plain, factor)
    assert (labels == labels[:1]).all()


def test_a_turn_moves_nose_and_eyes_and_keeps_the_outline(plain: Scene) -> None:
    ahead, left, right = (label_map(plain.with_value("yaw", yaw), 128)[0] for yaw in (0.0, -1.0, 1.0))

    def middle(labels: Tensor, *names: str) -> float:
        wanted = torch.tensor([PARTS.index(name) for name in names], dtype=torch.uint8)
        return float(torch.nonzero(torch.isin(labels, wanted))[:, 1].double().mean())

    eyes = ("eye_left", "eye_right")
    shifts = [middle(labels, "nose") - middle(labels, *eyes) for labels in (left, ahead, right)]
    assert shifts[0] < shifts[1] - 2 < shifts[2] - 4
    assert middle(left, *eyes) < middle(ahead, *eyes) < middle(right, *eyes)
    assert ((left == 0) == (right == 0)).all()


def test_labels_are_where_the_picture_shows_the_part(plain: Scene) -> None:
    """The picture answers to the colour of hair where hair is, and nowhere else but on brows."""
    dark, fair = (render(plain.with_value("hair_color", end), 64) for end in (0.0, 1.0))
    moved = (fair - dark).abs().mean(dim=1)[0] / 2
    labels = label_map(plain, 64)[0]
    hair = labels == PARTS.index("hair")
    assert moved[hair].min() > 0.1
    brows = (labels == PARTS.index("brow_left")) | (labels == PARTS.index("brow_right"))
    around = torch.nn.functional.max_pool2d((hair | brows)[None].float(), 5, 1, 2)[0] > 0
    assert moved[~around].max() < 1e-6


def test_maps_of_two_sizes_agree(faces: Scene) -> None:
    small, large = label_map(faces, 64), label_map(faces, 128)
    agree = torch.stack([large[:, i::2, j::2] == small for i in (0, 1) for j in (0, 1)])
    assert agree.float().mean() > 0.97


def test_bad_sizes_and_latents_are_refused(latents: FloatArray) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        label_map(latents[:1], 100)
    with pytest.raises(ValueError, match=r"\(N,64\)"):
        label_map(np.zeros((1, 63)), 64)
