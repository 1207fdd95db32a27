"""Both ends of an edit: at the same distance for all samples, or at the same scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import EditConfig
from higan_cam.errors import ConfigError
from higan_cam.manipulate import calibrated_ends, fixed_ends
from higan_cam.types import Boundary, Edit

BOUNDARY = Boundary(
    normal=np.array([1.0, 0.0], np.float32), offset=0.0, space="w", layers=(0, 1), attribute="light", metrics={}
)
EDIT = Edit(distance=4.0, layers=(1,), strength=(0.7, 0.5))


def score(w_plus: Tensor) -> Tensor:
    return w_plus[:, 1, 0].clamp(-1, 1)


def test_fixed_ends_lie_at_the_edits_distance_and_count_as_reached() -> None:
    w_plus = torch.randn(3, 2, 2)
    ends = fixed_ends(w_plus, BOUNDARY, EDIT)
    torch.testing.assert_close(ends.positive - ends.negative, torch.tensor([[0.0, 0], [4.0, 0]]).expand(3, 2, 2))
    np.testing.assert_array_equal(ends.distances, [[-4, 4]] * 3)
    assert ends.reached.all()


def test_calibrated_ends_have_the_scores_asked_for_on_the_edited_rows_alone() -> None:
    w_plus = torch.tensor([[[0.3, 1.0], [0.2, 1.0]], [[0.3, 1.0], [-0.9, 1.0]]])
    ends = calibrated_ends(score, w_plus, BOUNDARY, EDIT, EditConfig(targets=(-0.5, 0.5)), (-1, 1))
    torch.testing.assert_close(score(ends.negative), torch.full((2,), -0.5), atol=0.05, rtol=0)
    torch.testing.assert_close(score(ends.positive), torch.full((2,), 0.5), atol=0.05, rtol=0)
    assert torch.equal(ends.positive[:, 0], w_plus[:, 0])
    np.testing.assert_allclose(ends.distances, [[-1.4, 0.6], [0.8, 2.8]], atol=0.1)


def test_a_sample_counts_as_reached_only_where_both_ends_are() -> None:
    w_plus = torch.tensor([[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [-2.4, 0.0]]])
    ends = calibrated_ends(score, w_plus, BOUNDARY, EDIT, EditConfig(targets=(-0.5, 0.5)), (-1, 1))
    assert ends.reached.tolist() == [True, False]


@pytest.mark.parametrize("targets", [None, (-2.0, 0.5), (0.0, 1.5)])
def test_targets_that_the_scorer_cannot_give_are_refused(targets: tuple[float, float] | None) -> None:
    with pytest.raises(ConfigError, match=r"edit\.targets must be two rising scores within the scorer's -1 to 1"):
        calibrated_ends(score, torch.zeros(1, 2, 2), BOUNDARY, EDIT, EditConfig(targets=targets), (-1, 1))


def test_targets_that_fall_are_refused_by_the_configuration() -> None:
    with pytest.raises(ValueError, match="the negative end's below the positive end's"):
        EditConfig(targets=(2.0, 1.0))
