"""Score shards hold exactly what was scored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import StoreError
from higan_cam.publish.scores import decode_scores, encode_scores
from higan_cam.store.keys import scores_path


@given(st.lists(st.tuples(st.integers(0, 2**62), st.floats(width=32)), max_size=50))
def test_scores_round_trip_with_the_same_bytes(pairs: list[tuple[int, float]]) -> None:
    indices = np.array([index for index, _ in pairs], np.int64)
    scores = np.array([score for _, score in pairs], np.float32)
    body = encode_scores(indices, scores)
    assert body == encode_scores(indices, scores)
    found = decode_scores(body)
    assert np.array_equal(found[0], indices)
    assert np.array_equal(found[1], scores, equal_nan=True)
    assert found[0].dtype == np.int64
    assert found[1].dtype == np.float32


def test_consecutive_indices_cost_next_to_nothing() -> None:
    scores = np.zeros(100_000, np.float32)
    assert len(encode_scores(np.arange(100_000), scores)) < 20_000


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        encode_scores(np.arange(3), np.zeros(2, np.float32))


@pytest.mark.parametrize("cut", [0, 4, 100])
def test_cut_off_shard_is_an_error_not_a_shorter_one(cut: int) -> None:
    body = encode_scores(np.arange(1000), np.ones(1000, np.float32))
    with pytest.raises(StoreError, match="not a score shard"):
        decode_scores(body[:cut])


def test_paths_sort_like_shards() -> None:
    assert scores_path(7) == "scores/part-00007.parquet"
