"""Our properties on drawn faces: what they say, what they do not depend on, where they are undefined, their slope."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from higan_cam.label.properties.ours import PROPERTIES, Reading
from higan_cam.label.properties.parts import Face, kept_mean, moments
from higan_cam.types import ByteArray
from higan_cam.worlds.face_parts import PARTS
from tests.support.drawn_faces import COLOURS, drawn_labels

SHAPES = ("eyes", "mouth", "yaw", "hair_length")
"""Properties that are lengths by lengths."""
_MIRRORED = [0, 1, 3, 2, 5, 4, 6, 7, 8, 9, 10]


def face_of(labels: ByteArray) -> Face:
    shares = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), len(PARTS)).permute(2, 0, 1)[None].float()
    return Face(shares, COLOURS[torch.from_numpy(labels).long()].permute(2, 0, 1)[None])


def read(labels: ByteArray, names: tuple[str, ...] = SHAPES) -> dict[str, float]:
    face = face_of(labels)
    return {name: PROPERTIES[name][0](face).scores().item() for name in names}


def test_a_drawn_face_measures_as_it_was_drawn() -> None:
    found = read(drawn_labels(256, eyes=0.4, mouth=0.5, turn=0.5, hair=0.7), tuple(PROPERTIES))
    assert found["eyes"] == pytest.approx(0.4, abs=0.01)
    assert found["mouth"] == pytest.approx(0.1 / 0.4, abs=0.01)  # an ellipse's own extent, in eye distances
    assert found["yaw"] == pytest.approx(0.1 / 0.4, abs=0.005)
    assert found["hair_length"] == pytest.approx((0.7 + 0.7) / 0.4, abs=0.1)
    assert found["hair_color"] == pytest.approx(0.8 / 3, abs=1e-5)
    assert found["background_mean"] == pytest.approx(0.9, abs=1e-5)
    assert found["background_std"] == pytest.approx(0, abs=1e-5)


@settings(max_examples=12)
@given(roll=st.floats(-20, 20), scale=st.floats(0.7, 1.1), x=st.floats(-0.1, 0.1), y=st.floats(-0.1, 0.1))
def test_no_shape_depends_on_where_the_face_is_how_large_or_how_rolled(
    roll: float, scale: float, x: float, y: float
) -> None:
    before = read(drawn_labels(256, eyes=0.8, turn=0.7))
    after = read(drawn_labels(256, eyes=0.8, turn=0.7, roll=roll, scale=scale, shift=(x, y)))
    for name, tolerance in (("eyes", 0.05), ("mouth", 0.02), ("yaw", 0.01), ("hair_length", 0.15)):
        assert after[name] == pytest.approx(before[name], abs=tolerance), name


@settings(max_examples=10)
@given(
    eyes=st.floats(0.2, 0.6), mouth=st.floats(0, 1), turn=st.floats(-1, 1), roll=st.floats(-15, 15), swap=st.booleans()
)
def test_a_mirror_turns_yaw_around_and_leaves_the_rest(
    eyes: float, mouth: float, turn: float, roll: float, swap: bool
) -> None:
    """Also where the segmenter means the person's left: swapped labels of both eyes change nothing."""
    labels = drawn_labels(96, eyes=eyes, mouth=mouth, turn=turn, roll=roll)
    mirrored = np.ascontiguousarray(labels[:, ::-1])
    if not swap:
        mirrored = np.array(_MIRRORED, np.uint8)[mirrored]
    before, after = read(labels, tuple(PROPERTIES)), read(mirrored, tuple(PROPERTIES))
    before["yaw"] *= -1
    assert after == pytest.approx(before, abs=1e-4)


@settings(max_examples=5)
@given(side=st.integers(64, 90), eyes=st.floats(0.3, 0.6), mouth=st.floats(0.2, 1), times=st.integers(2, 3))
def test_a_map_of_more_pixels_says_the_same(side: int, eyes: float, mouth: float, times: int) -> None:
    labels = drawn_labels(side, eyes=eyes, mouth=mouth, turn=0.3)
    larger = labels.repeat(times, axis=0).repeat(times, axis=1)
    names = ("eyes", "mouth", "yaw", "hair_color", "background_std")
    assert read(larger, names) == pytest.approx(read(labels, names), abs=2e-3)


def test_an_eye_that_is_taller_than_wide_is_open() -> None:
    """The published second version says nearly 0 of it."""
    assert read(drawn_labels(eyes=2.5))["eyes"] == pytest.approx(2.5, rel=0.05)


def test_a_rolled_head_is_not_a_turned_one() -> None:
    assert abs(read(drawn_labels(roll=15))["yaw"]) < 0.01


@pytest.mark.parametrize(
    ("without", "name", "reason"),
    [
        (("eye_left",), "eyes", "no left eye"),
        (("eye_right",), "mouth", "no right eye"),
        (("eye_left", "eye_right"), "yaw", "no eyes"),
        (("nose",), "yaw", "no nose"),
        (("upper_lip", "inner_mouth", "lower_lip"), "mouth", "no mouth"),
        (("hair",), "hair_color", "no hair"),
        (("hair",), "hair_length", "no hair"),
        (("background",), "background_mean", "no background above the middle"),
        (("background",), "background_std", "no background above the middle"),
    ],
)
def test_what_needs_a_missing_part_is_undefined_and_says_why(without: tuple[str, ...], name: str, reason: str) -> None:
    labels = drawn_labels()
    labels[np.isin(labels, [PARTS.index(part) for part in without])] = PARTS.index("skin")
    found = PROPERTIES[name][0](face_of(labels))
    assert found.reasons() == (reason,)
    assert found.scores().isnan().all()
    assert found.values.isfinite().all()
    others = {other for other in PROPERTIES if not PROPERTIES[other][0](face_of(labels)).reasons()[0]}
    assert others, "what does not need it is still told"


def test_a_closed_mouth_is_a_value_and_an_eye_of_one_pixel_none() -> None:
    assert read(drawn_labels(mouth=0))["mouth"] == 0
    labels = drawn_labels()
    for part in ("eye_left", "eye_right"):
        rows, columns = np.nonzero(labels == PARTS.index(part))
        labels[rows[1:], columns[1:]] = PARTS.index("skin")
    found = PROPERTIES["eyes"][0](face_of(labels))
    assert found.reasons() == ("an eye of less than 3 pixels",)


def test_a_little_of_every_part_everywhere_does_not_move_the_properties() -> None:
    labels = drawn_labels()
    hard = face_of(labels)
    shares = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), len(PARTS)).permute(2, 0, 1)[None].float()
    soft = Face(0.9 * shares + 0.1 / len(PARTS), hard.grey[:, None].expand(-1, 3, -1, -1))
    for name, (measure, _) in PROPERTIES.items():
        assert measure(soft).values.item() == pytest.approx(measure(hard).values.item(), abs=0.01), name


@pytest.mark.parametrize("name", PROPERTIES)
def test_slopes_are_those_of_finite_differences(name: str) -> None:
    """With respect to shares and picture, of two pictures, one of which lacks an eye and a nose."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.stack([torch.from_numpy(drawn_labels(20, eyes=1.0, turn=0.3)) for _ in range(2)])
    labels[1][(labels[1] == 4) | (labels[1] == 6)] = 1
    logits = 4 * torch.nn.functional.one_hot(labels.long(), len(PARTS)).permute(0, 3, 1, 2).double()
    logits += torch.randn(logits.shape, generator=generator, dtype=torch.float64)
    crop = torch.rand(2, 3, 20, 20, generator=generator, dtype=torch.float64)
    ways = [torch.randn(each.shape, generator=generator, dtype=torch.float64) for each in (logits, crop)]

    def value(step: Tensor) -> Tensor:
        moved = Face((logits + step * ways[0]).softmax(dim=1), crop + step * ways[1])
        reading: Reading = PROPERTIES[name][0](moved)
        assert not reading.reasons()[0]
        return reading.values

    _slopes_agree(value)


def test_slopes_of_a_picture_without_parts_are_finite() -> None:
    shares = torch.zeros(1, len(PARTS), 8, 8).index_fill(1, torch.tensor(1), 1.0).requires_grad_()
    crop = torch.rand(1, 3, 8, 8).requires_grad_()
    for measure, _ in PROPERTIES.values():
        slopes = torch.autograd.grad(measure(Face(shares, crop)).values.sum(), (shares, crop), allow_unused=True)
        assert all(slope is None or slope.isfinite().all() for slope in slopes)


def test_moments_of_a_rectangle_are_those_of_the_rectangle() -> None:
    weight = torch.zeros(1, 9, 12)
    weight[0, 2:6, 1:11] = 1
    found = moments(weight)
    assert (found.mass.item(), found.x.item(), found.y.item()) == (40, 5.5, 3.5)
    assert found.xx.item() == pytest.approx(10**2 / 12)
    assert found.yy.item() == pytest.approx(4**2 / 12)


def test_trimmed_means_count_what_lies_across_an_end_in_part() -> None:
    values, weights = torch.tensor([[3.0, 1, 2, 100]]), torch.ones(1, 4)
    mean, deviation = kept_mean(values, weights, 0.125, 0.875)
    expected = (0.5 * 1 + 2 + 3 + 0.5 * 100) / 3
    assert mean.item() == pytest.approx(expected)
    assert deviation.item() > 0


def _slopes_agree(value: Callable[[Tensor], Tensor]) -> None:
    at, step = torch.zeros((), dtype=torch.float64, requires_grad=True), 1e-6
    for row in range(2):
        slope = torch.autograd.grad(value(at)[row], at)[0]
        with torch.no_grad():
            difference = (value(torch.tensor(step))[row] - value(torch.tensor(-step))[row]) / (2 * step)
        assert slope.item() == pytest.approx(difference.item(), rel=1e-4, abs=1e-7)
