"""Exports go on where they stopped, refuse to mix, and write the same bytes every time."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from higan_cam.config import CurationConfig
from higan_cam.errors import ConfigError, DataError, RunMismatchError, StoreError
from higan_cam.publish.curation.selection import curate, load_selection
from higan_cam.publish.exports import EXPORTS, export_run
from higan_cam.publish.exports.record import CLAIM_KEY
from higan_cam.publish.images import decode_image
from higan_cam.store.store import Store, open_store
from tests.publish.exports.runs import COUNT, EMPTY, SHARDS, SIZE, contents, write_run
from tests.support.samples import lit_sample

FORMATS = [*EXPORTS]
KEEPING = ["controlnet", "instruct-pix2pix", "webdataset", "imagefolder", "coco"]
ROOT = Path(__file__).resolve().parents[3]


class StopError(Exception):
    """Stands for whatever ends an export early."""


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_run_gives_the_same_bytes_anywhere(name: str, finished: Store, tmp_path: Path, target: Store) -> None:
    other = open_store(tmp_path / "other")
    export_run(finished, target, name)
    export_run(finished, other, name)
    assert contents(target) == contents(other)


@pytest.mark.parametrize("name", FORMATS)
def test_an_interrupted_export_goes_on_and_ends_with_the_same_bytes(name: str, finished: Store, target: Store) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        export_run(finished, target, name, progress=stop)
    result = export_run(finished, target, name)
    assert (result.found, result.made) == (2, SHARDS - 2)
    whole = open_store(f"{target.uri}-whole")
    export_run(finished, whole, name)
    assert contents(target) == contents(whole)


@pytest.mark.parametrize("name", FORMATS)
def test_a_rerun_of_a_finished_export_writes_nothing(name: str, finished: Store, tmp_path: Path) -> None:
    target = open_store(tmp_path / "export")
    export_run(finished, target, name)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "export").rglob("*")}
    result = export_run(finished, target, name)
    assert (result.found, result.made) == (SHARDS, 0)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "export").rglob("*")} == written


@pytest.mark.parametrize("name", FORMATS)
def test_a_lost_object_is_written_again(name: str, finished: Store, tmp_path: Path) -> None:
    target = open_store(tmp_path / "export")
    export_run(finished, target, name)
    before = contents(target)
    lost = next(key for key in before if key.endswith((".parquet", ".tar", ".png")))
    (tmp_path / "export" / lost).unlink()
    assert export_run(finished, target, name).made == 1
    assert contents(target) == before


@pytest.mark.parametrize("name", FORMATS)
def test_samples_without_a_mask_are_left_out_and_counted(name: str, finished: Store, target: Store) -> None:
    result = export_run(finished, target, name)
    assert sum(result.samples.values()) == COUNT - len(EMPTY)
    assert result.empty == len(EMPTY)
    assert f"{len(EMPTY)} samples of the run have no mask" in target.get("README.md").decode()


@pytest.mark.parametrize("name", KEEPING)
def test_samples_without_a_mask_are_kept_on_request(name: str, finished: Store, target: Store) -> None:
    result = export_run(finished, target, name, keep_empty=True)
    assert (sum(result.samples.values()), result.empty) == (COUNT, 0)


@pytest.mark.parametrize("name", sorted({*FORMATS} - {*KEEPING}))
def test_formats_that_learn_under_the_mask_refuse_to_keep_black_ones(name: str, finished: Store, target: Store) -> None:
    with pytest.raises(ConfigError, match="--keep-empty"):
        export_run(finished, target, name, keep_empty=True)
    assert target.is_empty()


def test_only_what_a_selection_keeps_is_exported(target: Store, tmp_path: Path) -> None:
    source = open_store(tmp_path / "run")
    write_run(source)
    curate(source, CurationConfig(max_coverage=0.6), name="small")
    selected = load_selection(source, "small")
    kept = {int(index) for index in selected.index[selected.kept]} - EMPTY
    assert 0 < len(kept) < COUNT - len(EMPTY)
    result = export_run(source, target, "kohya", selection="small")
    names = {key.rpartition("/")[2] for key in target.list() if "/masks/" in key}
    assert names == {f"{index:08d}.png" for index in kept}
    assert (sum(result.samples.values()), result.unselected) == (len(kept), COUNT - len(EMPTY) - len(kept))
    with pytest.raises(RunMismatchError, match="selection"):
        export_run(source, target, "kohya")


def test_an_unknown_selection_is_refused(finished: Store, target: Store) -> None:
    with pytest.raises(ConfigError, match="higan-cam curate"):
        export_run(finished, target, "kohya", selection="small")
    assert target.is_empty()


def test_an_unknown_format_names_the_nearest(finished: Store, target: Store) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'webdataset'"):
        export_run(finished, target, "webdatset")


def test_a_target_that_holds_something_else_is_left_alone(finished: Store, target: Store) -> None:
    target.put("photos.txt", b"mine")
    with pytest.raises(StoreError, match="not empty and not an export"):
        export_run(finished, target, "coco")
    assert contents(target) == {"photos.txt": b"mine"}


def test_another_export_is_refused_and_the_fields_named(finished: Store, target: Store) -> None:
    export_run(finished, target, "controlnet")
    before = contents(target)
    with pytest.raises(RunMismatchError, match="format: 'controlnet' there, 'coco' asked for"):
        export_run(finished, target, "coco")
    with pytest.raises(RunMismatchError, match="keep_empty: False there, True asked for"):
        export_run(finished, target, "controlnet", keep_empty=True)
    assert contents(target) == before


def test_a_claim_that_cannot_be_read_is_refused(finished: Store, target: Store) -> None:
    target.put(CLAIM_KEY, b"{")
    with pytest.raises(StoreError, match="not valid JSON"):
        export_run(finished, target, "coco")


def test_another_copy_of_the_run_is_not_mixed_in(finished: Store, target: Store, tmp_path: Path) -> None:
    export_run(finished, target, "controlnet")
    copy = open_store(tmp_path / "copy")
    write_run(copy, empty={0})
    with pytest.raises(RunMismatchError, match="another copy of this run: shard 0"):
        export_run(copy, target, "controlnet")


def test_a_target_inside_the_run_is_refused(finished: Store) -> None:
    before = finished.list()
    with pytest.raises(ConfigError, match="lies in the run itself"):
        export_run(finished, open_store(f"{finished.uri}/data/export"), "controlnet")
    assert finished.list() == before


def test_an_unfinished_run_is_refused_with_the_way_to_go_on(target: Store, tmp_path: Path) -> None:
    source = open_store(tmp_path / "run")
    write_run(source, shards={0, 2, 4})
    with pytest.raises(DataError, match=r"2 of 5 data shards are missing \(1, 3\).*higan-cam run.*--allow-unfinished"):
        export_run(source, target, "controlnet")
    assert target.is_empty()


@pytest.mark.parametrize("name", FORMATS)
def test_an_unfinished_export_grows_into_the_finished_one(
    name: str, finished: Store, target: Store, tmp_path: Path
) -> None:
    source = open_store(tmp_path / "run")
    write_run(source, shards={0, 2, 4})
    first = export_run(source, target, name, allow_unfinished=True)
    assert (first.made, first.missing) == (3, (1, 3))
    write_run(source)
    second = export_run(source, target, name, allow_unfinished=True)
    assert (second.made, second.found, second.missing) == (2, 3, ())
    whole = open_store(f"{target.uri}-whole")
    export_run(finished, whole, name)
    assert contents(target) == contents(whole)


def test_a_run_without_shards_is_refused(target: Store, tmp_path: Path) -> None:
    source = open_store(tmp_path / "run")
    write_run(source, shards=())
    with pytest.raises(DataError, match="no shard of the dataset"):
        export_run(source, target, "controlnet", allow_unfinished=True)


def test_a_damaged_source_shard_is_named(target: Store, tmp_path: Path) -> None:
    source = open_store(tmp_path / "run")
    write_run(source)
    key = source.list("data/")[0]
    body = bytearray(source.get(key))
    body[100] ^= 1
    source.put(key, bytes(body))
    with pytest.raises(StoreError, match=f"{key} is damaged"):
        export_run(source, target, "controlnet")


def test_every_row_of_the_table_names_a_test_that_is_there() -> None:
    rows = [
        line
        for line in (ROOT / "higan_cam/publish/exports/README.md").read_text().splitlines()
        if line.startswith("|") and "`test_" in line
    ]
    assert {name for name in FORMATS if any(row.startswith(f"| `{name}`") for row in rows)} == set(FORMATS)
    files = (*(ROOT / "tests/integration").glob("test_*ers.py"), Path(__file__))
    tests = {name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
    named = {name for row in rows for name in re.findall(r"`(test_\w+)`", row)}
    assert named
    assert named <= tests, named - tests


def test_lights_become_pairs_with_words_and_the_card_counts_them(target: Store, tmp_path: Path) -> None:
    source = open_store(tmp_path / "lit")
    write_run(source, lit=True)
    exported = export_run(source, target, "instruct-pix2pix")
    masked = COUNT - len(EMPTY)
    assert sum(exported.samples.values()) == masked * (1 + 3 + 1 + 3)  # the edit, on, between settings, off
    first = pq.read_table(pa.BufferReader(target.get(next(key for key in target.list("data/") if "train" in key))))
    rows, lit = first.to_pylist(), lit_sample(0, SIZE)
    said = [row["edit_prompt"] for row in rows[-7:]]
    assert said == ["switch on", "switch off", "switch on", "dim", "switch off", "switch on", "switch off"]
    (dim,) = (row for row in rows if row["edit_prompt"] == "dim" and row["input_image"]["path"] == f"{lit.id}-00.png")
    np.testing.assert_array_equal(decode_image(dim["input_image"]["bytes"]), lit.lights[0].image)
    np.testing.assert_array_equal(decode_image(dim["edited_image"]["bytes"]), lit.lights[1].image)
    assert f"num_examples: {exported.samples['train']}" in target.get("README.md").decode()


def test_a_run_that_relights_nothing_exports_the_bytes_it_did(finished: Store, target: Store, tmp_path: Path) -> None:
    source = open_store(tmp_path / "lit")
    write_run(source, lit=True)
    export_run(source, target, "controlnet")
    plain = open_store(tmp_path / "plain")
    export_run(finished, plain, "controlnet")
    shards = [key for key in contents(plain) if key.startswith("data/")]
    assert {key: target.get(key) for key in shards} == {key: plain.get(key) for key in shards}
