"""Agreement of maps of parts: exact on maps that can be counted by hand."""

from __future__ import annotations

import pytest
import torch

from higan_cam.label.segmenters.agreement import part_agreement


def test_a_map_agrees_with_itself() -> None:
    labels = torch.arange(11, dtype=torch.uint8).repeat(3, 4, 1)
    agreement = part_agreement(labels, labels)
    assert len(agreement) == 12
    assert all((each.value, each.low, each.high) == (1, 1, 1) for each in agreement.values())


def test_overlap_is_counted_over_all_pictures_and_absent_parts_are_left_out() -> None:
    true, found = torch.zeros(2, 1, 4, dtype=torch.uint8), torch.zeros(2, 1, 4, dtype=torch.uint8)
    true[:, 0, 2:] = 10
    found[0, 0, 1:] = 10
    found[1, 0, 3:] = 10
    agreement = part_agreement(found, true)
    assert set(agreement) == {"background", "hair", "mean"}
    assert agreement["hair"].value == pytest.approx(3 / 5)
    assert agreement["background"].value == pytest.approx(3 / 5)
    assert agreement["hair"].low <= 3 / 5 <= agreement["hair"].high
