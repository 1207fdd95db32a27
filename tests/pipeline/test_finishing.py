"""What a scorer that has no number for some pictures leaves of a unit."""

from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from torch import Tensor

from higan_cam.config import RunConfig
from higan_cam.pipeline import HeatBatch, Models, attribute_unit
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.publish import encode_shard
from higan_cam.types import Boundary, Sample, Scorer, WorkUnit

COUNT = 6


class Blind:
    """A scorer that gives `value` where the true score lies beyond `limit`."""

    def __init__(self, scorer: Scorer, limit: float, value: float) -> None:
        self.scorer, self.limit, self.value = scorer, limit, value
        self.attribute, self.score_range = scorer.attribute, scorer.score_range

    def score(self, image: Tensor) -> Tensor:
        scores = self.scorer.score(image)
        return scores.masked_fill(scores > self.limit, self.value)


@pytest.fixture(scope="module")
def pairs(models: Models, config: RunConfig, boundary: Boundary) -> HeatBatch:
    return attribute_unit(models, config, boundary, WorkUnit(0, 0, COUNT))


@pytest.fixture(scope="module")
def whole(models: Models, config: RunConfig, pairs: HeatBatch) -> list[Sample]:
    return mask_samples(models.scorer, config, pairs)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_samples_without_a_score_are_empty_with_the_reason_and_others_stay_as_they_are(
    value: float, models: Models, config: RunConfig, pairs: HeatBatch, whole: list[Sample]
) -> None:
    limit = float(np.median([sample.score_positive for sample in whole]))
    made = mask_samples(Blind(models.scorer, limit, value), config, pairs)
    blind = [sample.score_positive > limit for sample in whole]
    assert 0 < sum(blind) < COUNT
    for sample, before, missing in zip(made, whole, blind, strict=True):
        if missing:
            assert (sample.status, sample.regions, sample.mask.any()) == ("empty", (), np.False_)
            assert sample.reason.startswith("the scorer gives NaN or infinity for ")
            assert "image" in sample.reason
            assert sample.coverage == 0
        else:
            assert (sample.status, sample.score_positive) == (before.status, before.score_positive)
            np.testing.assert_array_equal(sample.mask, before.mask)


def test_what_has_no_number_is_null_in_the_dataset(models: Models, config: RunConfig, pairs: HeatBatch) -> None:
    made = mask_samples(Blind(models.scorer, -1.0, float("nan")), config, pairs)
    table = pq.read_table(io.BytesIO(encode_shard(made)))
    for column in ("score", "score_negative", "score_positive", "retention", "necessity"):
        assert table[column].null_count == COUNT
    assert set(table["reason"].to_pylist()) == {"the scorer gives NaN or infinity for original and negative and image"}
