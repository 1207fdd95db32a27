"""Rows of Parquet files are pictures in the order of the rows; a run of this project is one, too."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from higan_cam.config import RunConfig
from higan_cam.errors import ConfigError, StoreError
from higan_cam.pictures import Picture, Unreadable, list_pictures, open_pictures
from higan_cam.pictures.sources import parquet_files
from higan_cam.store.places.memory import RemoteBackend
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store
from tests.support.pictures import pixels, saved
from tests.support.samples import commit_run, noise, sample_of

CONTENT = saved(pixels(0))


def parquet(columns: dict[str, Any], rows: int = 100) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body, row_group_size=rows, compression="none", use_dictionary=False)
    return body.getvalue()


@pytest.mark.parametrize("column", [None, "image", "original", "negative"])
def test_a_run_is_read_by_column(output: Store, column: str | None) -> None:
    commit_run(output, [sample_of(index) for index in range(10)])
    opened = open_pictures(output.uri, column=column)
    rows = list(list_pictures(output.uri, column=column))
    assert len(rows) == 10
    for index, row in enumerate(rows):
        picture = opened.read(row)
        assert isinstance(picture, Picture)
        np.testing.assert_array_equal(picture.image, getattr(sample_of(index), column or "image"))


def test_what_no_manifest_names_is_no_picture_of_a_run(output: Store) -> None:
    commit_run(output, [sample_of(index) for index in range(4)])
    output.put("data/train-00009-of-00010.parquet", parquet({"image": [CONTENT]}))
    assert len(list(list_pictures(output.uri))) == 4


def test_a_run_without_samples_says_so(output: Store) -> None:
    begin_run(output, RunConfig())
    with pytest.raises(ConfigError, match="a run that has no samples yet"):
        open_pictures(output.uri)


@pytest.mark.parametrize(
    ("columns", "column", "said"),
    [
        ({"id": [1], "text": ["x"]}, None, "no column of pictures is named; columns that hold .* are none"),
        ({"a": [CONTENT], "b": [CONTENT]}, None, "no column of pictures is named; columns that hold .* are a, b"),
        ({"a": [CONTENT], "b": [1]}, "b", "column b is int64; .* are a"),
        ({"a": [CONTENT], "b": [1]}, "c", "column c is not there; .* are a"),
    ],
)
def test_a_column_that_cannot_be_meant_is_named(
    output: Store, columns: dict[str, Any], column: str | None, said: str
) -> None:
    output.put("a.parquet", parquet(columns))
    with pytest.raises(ConfigError, match=rf"a\.parquet: {said}"):
        list(list_pictures(f"{output.uri}/a.parquet", column=column))


def test_empty_cells_are_rows_with_a_reason(output: Store) -> None:
    cells = [None, {"bytes": None, "path": "a.png"}, {"bytes": b"", "path": None}, {"bytes": CONTENT, "path": None}]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    output.put("a.parquet", parquet({"image": pa.array(cells, kind)}))
    opened = open_pictures(f"{output.uri}/a.parquet")
    found = [opened.read(row) for row in list_pictures(f"{output.uri}/a.parquet")]
    assert found[:3] == [
        Unreadable("nothing in its row"),
        Unreadable("only a path in its row, 'a.png', which is not followed"),
        Unreadable("nothing in its row"),
    ]
    assert isinstance(found[3], Picture)


def test_a_damaged_row_group_costs_its_own_rows(tmp_path: Path) -> None:
    body = bytearray(parquet({"image": [saved(pixels(number)) for number in range(6)]}, rows=2))
    group = pq.ParquetFile(pa.BufferReader(bytes(body))).metadata.row_group(1).column(0)
    body[group.data_page_offset : group.data_page_offset + 40] = noise(0, 40)
    (tmp_path / "a.parquet").write_bytes(body)
    opened = open_pictures(tmp_path / "a.parquet")
    found = [opened.read(row) for row in list_pictures(str(tmp_path / "a.parquet"))]
    assert [isinstance(each, Picture) for each in found] == [True, True, False, False, True, True]
    assert isinstance(found[2], Unreadable)
    assert found[2].reason.startswith("damaged in its Parquet file")


def test_many_files_are_open_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "_OPEN", 2)
    for number in range(5):
        (tmp_path / f"{number}.parquet").write_bytes(parquet({"image": [saved(pixels(number))] * 3}))
    opened = open_pictures(f"{tmp_path}/*.parquet")
    rows = list(list_pictures(f"{tmp_path}/*.parquet"))
    for row in [*rows, *rows[::-1]]:
        picture = opened.read(row)
        assert isinstance(picture, Picture)
        np.testing.assert_array_equal(picture.image, pixels(row.index // 3))
    assert isinstance(opened.reader, parquet_files.ParquetFiles)
    assert len(opened.reader._files) == 2


def test_a_bucket_that_does_not_answer_is_no_damage(output: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    output.put("a.parquet", parquet({"image": [noise(0, 3 << 20)]}))
    opened = open_pictures(f"{output.uri}/a.parquet")
    (row,) = list_pictures(f"{output.uri}/a.parquet")
    list(opened.reader.found(Counter()))

    def broken(*_: object) -> bytes:
        raise OSError("the wire is cut")

    monkeypatch.setattr(RemoteBackend, "part", broken)
    with pytest.raises(StoreError, match="the wire is cut"):
        opened.read(row)
