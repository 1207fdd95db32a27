"""Boxes around faces: MTCNN's arithmetic, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from higan_cam.label.segmenters.boxes import grown, kept, padded, proposals, regressed, scales, squared
from tests.support.reference2 import draw


@pytest.fixture
def boxes(recorded: dict[str, Any]) -> Tensor:
    return torch.from_numpy(recorded["boxes"])


def test_scales_are_the_published_ones(recorded: dict[str, Any]) -> None:
    for size, expected in recorded["json"]["mtcnn_scales_min_face_20"].items():
        width, height = (int(side) for side in size.split("x"))
        assert scales(height, width, 20) == pytest.approx(expected)


def test_boxes_are_squared_moved_and_cut_as_published(recorded: dict[str, Any], boxes: Tensor) -> None:
    moves = 0.2 * draw("mtcnn/reg", (40, 4))
    np.testing.assert_allclose(squared(boxes), recorded["boxes_squared"], atol=1e-3)
    np.testing.assert_allclose(regressed(boxes, moves), recorded["boxes_regressed"], atol=1e-3)
    width, height = 120, 90
    np.testing.assert_array_equal(padded(boxes, height, width), recorded["boxes_padded_y_ey_x_ex_in_120x90"])


def test_suppression_keeps_the_published_boxes_in_their_order(recorded: dict[str, Any], boxes: Tensor) -> None:
    scores = torch.from_numpy(recorded["box_scores"])
    assert kept(boxes, scores, 0.7, "smaller").tolist() == recorded["nms_Min"].tolist()
    assert kept(boxes, scores, 0.5, "union").tolist() == recorded["nms_Union"].tolist()


def test_proposals_are_the_published_ones(recorded: dict[str, Any]) -> None:
    likely = draw("mtcnn/prob", (1, 9, 13)).sigmoid()[0]
    parts = proposals(likely, draw("mtcnn/regmap", (1, 4, 9, 13))[0], 0.6 * 0.709, 0.6)
    found = torch.cat([parts[0], parts[1][:, None], parts[2]], dim=1)
    np.testing.assert_allclose(found, recorded["proposals"], atol=1e-3)


def test_a_box_grows_by_a_quarter_on_each_side_within_the_picture(recorded: dict[str, Any]) -> None:
    for case in recorded["json"]["adjust_bbox"]:
        width, height = case["image_wh"]
        found = grown(torch.tensor(case["box"]), height, width)
        assert found.tolist() == pytest.approx(case["adjusted"], abs=1e-3)
        assert found.int().tolist() == case["crop_ints"]


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 30), st.integers(1, 30)), max_size=12),
    st.sampled_from(["union", "smaller"]),
)
def test_no_two_boxes_that_stay_share_much(sides: list[tuple[int, ...]], over: Any) -> None:
    corners = [[x, y, x + w, y + h] for x, y, w, h in sides]
    boxes = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    stay = boxes[kept(boxes, torch.linspace(0.1, 0.9, len(boxes)), 0.5, over)]
    assert len(stay) == len(kept(stay, torch.linspace(0.9, 0.1, len(stay)), 0.5, over))
    assert (len(stay) > 0) == (len(boxes) > 0)
