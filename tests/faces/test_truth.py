"""What is known of faces: properties, parts, and where a picture answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.faces.scene import PROPERTIES, Scene
from higan_cam.faces.truth import PARTS, change, changed, part_masks, properties


def test_properties_are_the_factors_as_they_are_seen(faces: Scene) -> None:
    found = properties(faces)
    assert set(found) == {*PROPERTIES, "glasses"}
    for name, values in found.items():
        assert values.shape == (len(faces),)
        assert values.dtype == np.float32
        assert values.min() >= (-1 if name == "yaw" else 0)
        assert values.max() <= 1


def test_parts_cover_the_picture_once(faces: Scene) -> None:
    masks = part_masks(faces, 64)
    assert set(masks) == set(PARTS)
    assert (torch.stack(list(masks.values())).sum(dim=0) == 1).all()


@pytest.mark.parametrize(
    ("factor", "part"), [("mouth", "mouth"), ("hair_color", "hair"), ("background_mean", "background")]
)
def test_the_picture_answers_where_the_part_is(faces: Scene, factor: str, part: str) -> None:
    answer = changed(faces.with_value("mouth", 1.0), factor, 64)
    there = part_masks(faces.with_value("mouth", 1.0), 64)[part]
    assert (answer & there).sum() > 0.6 * answer.sum()


def test_a_change_is_the_same_whatever_the_factor_is_now(faces: Scene) -> None:
    some = faces.take(np.arange(4))
    assert torch.equal(
        change(some.with_value("eyes", 0.2), "eyes", 64), change(some.with_value("eyes", 0.9), "eyes", 64)
    )


def test_the_change_of_a_factor_that_there_is_not_is_refused(faces: Scene) -> None:
    with pytest.raises(KeyError, match="beard"):
        changed(faces, "beard", 64)
