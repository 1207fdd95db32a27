"""Shards of one unit agree within stated tolerances, and what is beyond them is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from higan_cam.publish.agreement import samples_disagreement, scores_disagreement
from higan_cam.publish.dataset import encode_shard
from higan_cam.publish.scores import encode_scores
from higan_cam.types import Sample
from tests.support.samples import lit_sample

RANGE = (0.0, 3.0)


def scores(offset: float = 0.0, first: int = 0) -> bytes:
    return encode_scores(np.arange(first, first + 4), np.float32(offset) + np.linspace(0, 3, 4, dtype=np.float32))


def test_scores_may_differ_by_a_hundredth_of_their_range() -> None:
    assert scores_disagreement(scores(), scores(0.029), RANGE) is None
    assert "0.031" in str(scores_disagreement(scores(), scores(0.031), RANGE))
    assert scores_disagreement(scores(), scores(first=1), RANGE) == "other indices"


def test_one_nan_is_not_a_small_difference() -> None:
    there, here = np.zeros(2, np.float32), np.array([0, np.nan], np.float32)
    index = np.arange(2)
    assert scores_disagreement(encode_scores(index, there), encode_scores(index, here), RANGE) is not None
    assert scores_disagreement(encode_scores(index, here), encode_scores(index, here), RANGE) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: {"id": "other"}, "other ids"),
        (lambda s: {"score_positive": s.score_positive + 0.1}, "score_positive"),
        (lambda s: {"negative": 255 - s.negative}, "difference of negative"),
        (lambda s: {"heat": 1 - s.heat}, "difference of heat"),
        (lambda s: {"mask": 255 - s.mask}, "intersection over union of masks 0.0000"),
    ],
)
def test_what_is_beyond_tolerance_is_named(
    make_sample: Callable[..., Sample], change: Callable[[Sample], dict[str, Any]], said: str
) -> None:
    sample = make_sample(0)
    assert said in str(
        samples_disagreement(encode_shard([sample]), encode_shard([replace(sample, **change(sample))]), RANGE)
    )


def test_other_light_is_beyond_tolerance_and_a_picture_less_of_it_too() -> None:
    sample = lit_sample(0)
    first, *others = sample.lights
    changed = replace(sample, lights=(replace(first, image=255 - first.image), *others))
    fewer = replace(sample, lights=(first,))
    there, *here = (encode_shard([each], lit=True) for each in (sample, sample, changed, fewer))
    found = [samples_disagreement(there, each, RANGE) for each in here]
    assert found[0] is None
    assert "difference of lights" in str(found[1])
    assert found[2] == "other numbers of lights in 1 of 1 rows"


def test_a_level_here_and_there_is_within_tolerance(make_sample: Callable[..., Sample]) -> None:
    sample = make_sample(0)
    image = sample.image.copy()
    image[0, 0] ^= 1
    heat = np.clip(sample.heat + 0.004, 0, 1).astype(np.float32)
    other = replace(sample, image=image, heat=heat, score=sample.score + 0.01)
    assert encode_shard([other]) != encode_shard([sample])
    assert samples_disagreement(encode_shard([sample]), encode_shard([other]), RANGE) is None


def test_what_is_no_dataset_shard_is_said_to_be_none(make_sample: Callable[..., Sample]) -> None:
    assert "no readable Parquet" in str(samples_disagreement(b"PAR1", encode_shard([make_sample(0)]), RANGE))
    assert "no readable Parquet" in str(samples_disagreement(scores(), encode_shard([make_sample(0)]), RANGE))
