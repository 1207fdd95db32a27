"""The gallery's files, read back as a browser would."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from higan_cam.config import parse_config
from higan_cam.publish.curation.table import read_samples
from higan_cam.publish.images import decode_image
from higan_cam.publish.report.gallery import samples as gallery
from higan_cam.publish.report.gallery.samples import write_gallery
from higan_cam.store.keys import GALLERY, GALLERY_KEY
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store
from tests.support.samples import commit_run, sample_of


def called(store: Store, name: str, function: str) -> dict[str, Any]:
    """What the script hands to `higanCam.<function>`."""
    text = store.get(f"{GALLERY}{name}").decode("ascii")
    head, tail = f"higanCam.{function}(", ");\n"
    assert text.startswith(head)
    assert text.endswith(tail)
    payload: dict[str, Any] = json.loads(text[len(head) : -len(tail)])
    return payload


def test_every_sample_is_there_with_the_figures_of_its_row(store: Store) -> None:
    samples = [replace(sample_of(i), retention=0.1 * i + 1e-3, coverage=i / 100) for i in range(11)]
    commit_run(store, samples)
    summary = write_gallery(store)
    assert summary is not None
    assert summary.note == "All 11 samples of the run."
    index, table = called(store, "samples.js", "samples"), read_samples(store)
    columns = {
        name: np.array(values)[np.argsort(index["columns"]["index"])] for name, values in index["columns"].items()
    }
    for name in ("index", "score", "score_positive", "retention", "necessity", "coverage", "regions", "status"):
        values = table.columns[name]
        exact = values.astype(np.float32) if values.dtype == np.float64 else values
        assert columns[name].astype(exact.dtype).tolist() == exact.tolist()


def test_each_picture_file_holds_the_rows_that_the_index_says(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "ROWS", 3)
    commit_run(store, [sample_of(i) for i in range(8)])
    write_gallery(store)
    index = called(store, "samples.js", "samples")
    assert [(row, rows) for _, _, row, rows in index["files"]] == [(0, 3), (3, 1)] * 2
    told = iter(index["columns"]["index"])
    for name, shard, row, rows in index["files"]:
        assert name == f"{index['shards'][shard].removeprefix('data/').removesuffix('.parquet')}.{row:05d}.js"
        contents = called(store, name, "pictures")
        assert contents["file"] == name
        assert [int(identifier) for identifier in contents["id"]] == [next(told) for _ in range(rows)]
        assert len(contents["strips"]) == len(contents["masks"]) == len(contents["sizes"]) == rows
    assert next(told, None) is None


def test_pictures_are_of_their_sample(store: Store) -> None:
    bright = replace(sample_of(5), image=np.full((16, 16, 3), 255, np.uint8), original=np.zeros((16, 16, 3), np.uint8))
    commit_run(store, [sample_of(4), bright])
    write_gallery(store)
    contents = called(store, called(store, "samples.js", "samples")["files"][0][0], "pictures")
    strip = decode_image(base64.b64decode(contents["strips"][1]))
    width, height, pitch = contents["sizes"][1]
    assert (width, height) == (16, 16)
    assert strip[:height, pitch:][:, :width].max() < 10
    assert strip[:height, 2 * pitch :][:, :width].min() > 245


def test_the_same_run_gives_the_same_bytes(store: Store) -> None:
    commit_run(store, [sample_of(i) for i in range(6)])
    write_gallery(store)
    first = store.find_many(store.list("report/"))
    write_gallery(store)
    assert store.find_many(store.list("report/")) == first
    assert {GALLERY_KEY, f"{GALLERY}samples.js"} < set(first)


def test_captions_cannot_end_a_script(store: Store) -> None:
    hostile = "</script><img src=x onerror=alert(1)>\u2028"
    sample = sample_of(0)
    commit_run(store, [replace(sample, status="empty", reason=hostile, words=replace(sample.words, text=hostile))])
    write_gallery(store)
    name = called(store, "samples.js", "samples")["files"][0][0]
    assert b"<" not in store.get(f"{GALLERY}{name}")
    assert called(store, name, "pictures")["text"] == [hostile]


def test_a_figure_that_a_sample_lacks_is_null_and_one_that_all_lack_is_left_out(store: Store) -> None:
    commit_run(store, [sample_of(0), replace(sample_of(1), retention=float("nan"))])
    write_gallery(store)
    columns = called(store, "samples.js", "samples")["columns"]
    assert columns["retention"] == [0.9, None]
    assert "retention_second" not in columns


def test_a_huge_run_is_shown_by_evenly_spread_shards(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "LIMIT", 8)
    commit_run(store, [sample_of(i) for i in range(40)])
    summary = write_gallery(store)
    assert summary is not None
    assert summary.note == "8 of the run's 40 samples, from evenly spread shards."
    indices = called(store, "samples.js", "samples")["columns"]["index"]
    assert indices == [8, 9, 10, 11, 28, 29, 30, 31]


def test_a_run_without_samples_has_no_gallery(store: Store) -> None:
    begin_run(store, parse_config({}))
    assert write_gallery(store) is None
    assert store.list("report/") == ()
