"""Shards of lit pictures load as those who train on pairs expect them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from higan_cam.publish.images import decode_image
from higan_cam.publish.lights import LIGHT_COLUMNS, WITHOUT, LitPair, Unlit, encode_lights
from higan_cam.publish.reading import read_notes
from higan_cam.store import open_store
from higan_cam.store.canonical import digest
from higan_cam.types import Place, ShardRecord

BEFORE, AFTER = np.full((6, 8, 3), 30, np.uint8), np.full((6, 8, 3), 90, np.uint8)


def rows() -> list[LitPair | Unlit]:
    place = Place(0, 0.2, 0.5, 0.1, 0.4, 0.2, 0.2)
    lit = LitPair(
        4, "a b.png", 1, BEFORE, AFTER, "switch on the lamp", place, (0.0, 1.0), (3000.0, 3000.0), {"seed": 1}
    )
    return [lit, Unlit("c.png", "unreadable", "empty")]


def test_pairs_come_back_with_their_pictures_and_settings() -> None:
    body, count = encode_lights(rows())
    table = pq.read_table(io.BytesIO(body))
    (row,) = table.to_pylist()
    assert (count, table.column_names) == (1, list(LIGHT_COLUMNS))
    np.testing.assert_array_equal(decode_image(row["input_image"]["bytes"]), BEFORE)
    np.testing.assert_array_equal(decode_image(row["edited_image"]["bytes"]), AFTER)
    assert (row["id"], row["edit_prompt"], row["gain"]) == ("000000004-01", "switch on the lamp", [0.0, 1.0])
    assert json.loads(row["settings"]) == {"seed": 1}


def test_a_picture_without_a_pair_is_a_note_and_no_row(tmp_path: Path) -> None:
    store, (body, count) = open_store(str(tmp_path)), encode_lights(rows())
    store.put("lights/part-00000.parquet", body)
    record = ShardRecord("lights", 0, "lights/part-00000.parquet", count, len(body), digest(body))
    assert json.loads(read_notes(store, record)[WITHOUT]) == [["c.png", "unreadable", "empty"]]


def test_equal_rows_give_equal_bytes() -> None:
    assert encode_lights(rows()) == encode_lights(rows())


def test_datasets_reads_them_as_pictures(tmp_path: Path) -> None:
    import datasets

    (tmp_path / "part.parquet").write_bytes(encode_lights(rows())[0])
    loaded = datasets.load_dataset("parquet", data_files=str(tmp_path / "part.parquet"), cache_dir=str(tmp_path / "c"))
    sample = loaded["train"][0]
    assert np.asarray(sample["input_image"]).shape == (6, 8, 3)
    assert sample["edit_prompt"] == "switch on the lamp"
