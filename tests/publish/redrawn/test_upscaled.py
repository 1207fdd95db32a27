"""Shards of larger pictures, and the page and card that are made of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from higan_cam.config import config_hash, load_config
from higan_cam.publish.images import decode_image
from higan_cam.publish.redrawn.upscaled import UPSCALED_COLUMNS, Upscaled, encode_upscaled
from higan_cam.publish.report.students.upscaled import read_upscaled, write_upscaled_report
from higan_cam.store import begin_run, commit_shard, open_store
from higan_cam.store.keys import CARD_KEY, REPORT_KEY, UPSCALED, upscaled_path
from tests.relight.translator.conftest import picture

ROWS = (
    Upscaled(0, "a.png", "ok", "", picture(8, 10), picture(16, 20), ("turned",)),
    Upscaled(1, "b.png", "unreadable", "an empty file"),
    Upscaled(2, "c.png", "too large", "it would be"),
)


def test_rows_are_what_was_encoded_and_equal_rows_equal_bytes() -> None:
    body = encode_upscaled(ROWS)
    assert body == encode_upscaled(ROWS)
    table = pq.read_table(io.BytesIO(body))
    assert table.column_names == list(UPSCALED_COLUMNS)
    assert pq.ParquetFile(io.BytesIO(body)).num_row_groups == len(ROWS)  # each written before the next is made
    first, second, _ = table.to_pylist()
    np.testing.assert_array_equal(decode_image(first["image"]["bytes"]), picture(16, 20))
    np.testing.assert_array_equal(decode_image(first["picture"]["bytes"]), picture(8, 10))
    assert (second["image"], second["status"], second["reason"]) == (None, "unreadable", "an empty file")


def test_the_page_shows_pictures_and_says_which_are_not_larger_and_why(tmp_path: Path) -> None:
    said = ["source.kind=pictures", f"source.pictures={tmp_path}", "upscale.weights=net.safetensors"]
    config = load_config(None, said, output=str(tmp_path / "large"))
    store = open_store(config.output, config.store)
    assert read_upscaled(config, store) is None
    begin_run(store, config, {"upscaler": "0" * 64})
    commit_shard(
        store,
        stage=UPSCALED,
        shard=0,
        path=upscaled_path(0),
        body=encode_upscaled(ROWS),
        rows=len(ROWS),
        config_hash=config_hash(config),
    )
    write_upscaled_report(config, store)
    page, card = store.get(REPORT_KEY).decode(), store.get(CARD_KEY).decode()
    for text in ("1 pictures, larger", "net.safetensors", "1 unreadable", "an empty file", "it would be"):
        assert text in page
    assert page.count("<figure>") == 2
    assert "`too large`" in card
    assert "upscaled/*.parquet" in card
