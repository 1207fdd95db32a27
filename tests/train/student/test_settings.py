"""What cannot be trained is said before it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from higan_cam.errors import ConfigError
from higan_cam.train.student.settings import StudentSettings


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"datasets": ()}, "nothing to learn from"),
        ({"side": 18}, "side: must divide by 4"),
        ({"side": 2}, "side"),
        ({"steps": 0}, "steps"),
        ({"batch": -1}, "batch"),
        ({"recolour": 1.5}, "recolour"),
        ({"negative": 0.7, "positive": 0.6}, "together at most 1"),
    ],
)
def test_values_out_of_range_are_refused_by_name(
    small: Callable[..., StudentSettings], changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        small(**changes)


def test_a_labelled_folder_alone_is_enough(small: Callable[..., StudentSettings]) -> None:
    assert small(datasets=(), labelled="mine").labelled == "mine"
