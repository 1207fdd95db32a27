"""Shards of lit pictures load as those who train on pairs expect them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from higan_cam.publish.images import decode_image
from higan_cam.publish.lights import LIGHT_COLUMNS, LitPair, encode_lights
from higan_cam.types import Place

BEFORE, AFTER = np.full((6, 8, 3), 30, np.uint8), np.full((6, 8, 3), 90, np.uint8)


def rows() -> list[LitPair]:
    place = Place(0, 0.2, 0.5, 0.1, 0.4, 0.2, 0.2)
    lit = LitPair(
        4, "a b.png", 1, "ok", "", BEFORE, AFTER, "switch on the lamp", place, (0.0, 1.0), (3000.0, 3000.0), {"seed": 1}
    )
    return [lit, LitPair(5, "c.png", 0, "unreadable", "empty")]


def test_rows_come_back_with_their_pictures_and_settings() -> None:
    body, count = encode_lights(rows())
    table = pq.read_table(io.BytesIO(body))
    first, second = table.to_pylist()
    assert (count, table.column_names) == (2, list(LIGHT_COLUMNS))
    np.testing.assert_array_equal(decode_image(first["input_image"]["bytes"]), BEFORE)
    np.testing.assert_array_equal(decode_image(first["edited_image"]["bytes"]), AFTER)
    assert (first["id"], first["edit_prompt"], first["gain"]) == ("000000004-01", "switch on the lamp", [0.0, 1.0])
    assert json.loads(first["settings"]) == {"seed": 1}
    assert (second["input_image"], second["status"], second["reason"]) == (None, "unreadable", "empty")


def test_equal_rows_give_equal_bytes() -> None:
    assert encode_lights(rows()) == encode_lights(rows())


def test_datasets_reads_them_as_pictures(tmp_path: Path) -> None:
    import datasets

    (tmp_path / "part.parquet").write_bytes(encode_lights(rows()[:1])[0])
    loaded = datasets.load_dataset("parquet", data_files=str(tmp_path / "part.parquet"), cache_dir=str(tmp_path / "c"))
    sample = loaded["train"][0]
    assert np.asarray(sample["input_image"]).shape == (6, 8, 3)
    assert sample["edit_prompt"] == "switch on the lamp"
