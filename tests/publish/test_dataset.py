"""Shards say the same thing to every reader, and the same bytes every time."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.publish.dataset import COLUMNS, IMAGE_COLUMNS, dataset_schema, encode_shard
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.store.canonical import digest
from higan_cam.types import Sample
from tests.support.samples import lit_sample, sample_of

ROOT = Path(__file__).resolve().parents[2]
DESIGNED = (
    *("id", "image", "original", "negative", "conditioning_image", "heat", "text", "prompt"),
    *("prompt_before", "edit_prompt", "undo_prompt", "captions", "index", "seed"),
    *("score", "score_negative", "score_positive", "retention", "necessity"),
    *("retention_random", "necessity_random", "retention_second", "necessity_second", "coverage"),
    *("distance_negative", "distance_positive", "reached"),
    *("status", "reason", "image_hash", "regions"),
)


def table_of(body: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(body))


def test_columns_are_the_designed_ones() -> None:
    assert dataset_schema().names == [*DESIGNED]
    assert not any("mask" in name for name in DESIGNED)
    assert all(meaning for _, meaning in COLUMNS.values())


def test_rows_give_back_the_sample(make_sample: Callable[..., Sample]) -> None:
    sample = make_sample(3)
    row = table_of(encode_shard([sample])).to_pylist()[0]
    for column, array in (("image", sample.image), ("negative", sample.negative), ("conditioning_image", sample.mask)):
        assert np.array_equal(decode_image(row[column]["bytes"]), array)
    assert np.allclose(decode_heat(row["heat"]["bytes"]), sample.heat, atol=1e-5)
    assert (row["id"], row["index"], row["seed"], row["status"], row["reason"]) == ("00000003", 3, 7, "ok", "")
    region = row["regions"][1]
    assert (region["rank"], region["centroid"], region["bbox"]) == (1, [4.5, 6.0], [3, 2, 6, 4])
    assert region["ellipse"] == {"major": 8.0, "minor": 4.0, "angle": 30.0}
    assert region["rle"] == {"size": [16, 16], "counts": "abc0"}


@given(indices=st.lists(st.integers(0, 50), max_size=5), row_group=st.integers(1, 7))
def test_bytes_follow_from_the_samples_alone(
    make_sample: Callable[..., Sample], indices: list[int], row_group: int
) -> None:
    first, second = (encode_shard([make_sample(index, 4) for index in indices], row_group) for _ in range(2))
    assert first == second


def test_bytes_are_the_same_in_another_process(make_sample: Callable[..., Sample]) -> None:
    code = (
        "from tests.support.samples import sample_of;"
        "from higan_cam.publish.dataset import encode_shard;"
        "from higan_cam.store.canonical import digest; print(digest(encode_shard([sample_of(1), sample_of(2)])))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert there.stdout.strip() == digest(encode_shard([make_sample(1), make_sample(2)]))


def test_row_groups_have_the_configured_size(make_sample: Callable[..., Sample]) -> None:
    metadata = pq.read_metadata(io.BytesIO(encode_shard([make_sample(n, 4) for n in range(5)], row_group=2)))
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [2, 2, 1]


def test_empty_sample_keeps_its_reason_and_has_no_regions(make_sample: Callable[..., Sample]) -> None:
    sample = replace(make_sample(1), status="empty", reason="no dense cluster", regions=(), retention=float("nan"))
    row = table_of(encode_shard([sample])).to_pylist()[0]
    assert (row["status"], row["reason"], row["regions"]) == ("empty", "no dense cluster", [])
    assert row["retention"] is None


def test_arrays_that_do_not_fit_name_the_sample(make_sample: Callable[..., Sample]) -> None:
    with pytest.raises(ValueError, match="sample 00000001: mask is"):
        encode_shard([replace(make_sample(1), mask=np.zeros((4, 4), np.uint8))])


def test_shard_without_rows_keeps_the_schema() -> None:
    schema = table_of(encode_shard([])).schema
    assert schema == dataset_schema()
    assert schema.metadata == dataset_schema().metadata


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real library, offline, with its cache in the test's own folder."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets", reason="the datasets library is a development extra")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    datasets.disable_progress_bars()
    return datasets


def test_features_are_what_the_library_would_write(datasets: Any) -> None:
    features = datasets.Features.from_arrow_schema(dataset_schema())
    assert [name for name, feature in features.items() if isinstance(feature, datasets.Image)] == [*IMAGE_COLUMNS]
    assert features.arrow_schema.equals(dataset_schema())


@pytest.mark.parametrize("streaming", [False, True])
def test_load_dataset_decodes_pictures(
    datasets: Any, streaming: bool, tmp_path: Path, make_sample: Callable[..., Sample]
) -> None:
    path = tmp_path / "train-00000-of-00001.parquet"
    samples = [make_sample(1), replace(make_sample(2), regions=(), status="empty")]
    path.write_bytes(encode_shard(samples))
    loaded = datasets.load_dataset("parquet", data_files=str(path), split="train", streaming=streaming)
    rows = [*loaded]
    assert np.array_equal(np.asarray(rows[0]["image"]), samples[0].image)
    assert rows[0]["conditioning_image"].mode == "L"
    assert np.array_equal(np.asarray(rows[1]["conditioning_image"]), samples[1].mask)
    assert rows[0]["heat"].mode.startswith("I")
    assert [len(row["regions"]) for row in rows] == [2, 0]
    assert rows[0]["regions"][0]["rle"]["counts"] == "abc0"


def test_load_dataset_decodes_the_pictures_of_lights(datasets: Any, tmp_path: Path) -> None:
    path, sample = tmp_path / "train-00000-of-00001.parquet", lit_sample(3)
    path.write_bytes(encode_shard([sample, sample_of(4)], lit=True))
    lit, unlit = datasets.load_dataset("parquet", data_files=str(path), split="train")
    assert np.array_equal(np.asarray(lit["lights"][1]["image"]), sample.lights[1].image)
    assert [(light["rank"], light["gain"], light["edit_prompt"]) for light in lit["lights"]] == [
        (0, 1.0, ""),
        (0, 0.5, "dim"),
        (1, 1.0, ""),
    ]
    assert unlit["lights"] == []
