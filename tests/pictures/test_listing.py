"""A listing is made once and stays: index i is the same picture, at bounded memory, whatever happens to the folder."""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.errors import ConfigError, RunMismatchError, StoreError
from higan_cam.pictures import Picture, freeze_listing, list_pictures, listing, open_pictures, read_listing, tables
from higan_cam.pictures.source import PictureSource
from higan_cam.pictures.sources.folder import Folder
from higan_cam.store.keys import LISTING_KEY, listing_part
from higan_cam.store.places.backend import Backend
from higan_cam.store.store import Store, open_store
from tests.support.pictures import pixels, saved

Make = Callable[[dict[str, bytes]], Path]
FILES = {f"{number:02d}.png": saved(pixels(number % 5)) for number in range(11)}


def test_what_is_frozen_stays_when_the_folder_changes(folder_of: Make, output: Store) -> None:
    folder = folder_of(FILES)
    first = freeze_listing(output, str(folder), part_rows=4)
    assert [row.key for row in first] == sorted(FILES)
    assert [row.index for row in first] == list(range(11))
    (folder / "000.png").write_bytes(FILES["00.png"])
    (folder / "05.png").unlink()
    again = freeze_listing(output, str(folder), part_rows=3)
    assert again == first == read_listing(output)
    assert list(again) == list(first)
    opened = open_pictures(folder)
    assert [isinstance(opened.read(row), Picture) for row in again] == [index != 5 for index in range(11)]


def test_later_calls_ask_no_source(folder_of: Make, output: Store) -> None:
    folder = folder_of(FILES)
    first = freeze_listing(output, str(folder))
    folder.rename(folder.with_name("moved"))
    assert freeze_listing(output, str(folder)) == first


@settings(max_examples=25)
@given(part_rows=st.integers(1, 20), index=st.integers(-11, 10))
def test_rows_are_had_by_index_whatever_the_parts(part_rows: int, index: int) -> None:
    store = open_store(f"memory://{hashlib.sha256(str(part_rows).encode()).hexdigest()}/pictures")
    for key, content in FILES.items():
        store.put(key, content)
    frozen = freeze_listing(open_store(f"{store.uri}-run"), store.uri, part_rows=part_rows)
    copy = pickle.loads(pickle.dumps(frozen))  # noqa: S301
    assert len(copy) == 11
    listed = list(list_pictures(store.uri))[index]
    assert replace(copy[index], duplicate_of=None) == listed
    assert copy[index] == list(frozen)[index]


def test_equal_contents_are_said(folder_of: Make, output: Store) -> None:
    frozen = freeze_listing(output, str(folder_of(FILES)), part_rows=3)
    assert [row.duplicate_of for row in frozen] == [None] * 5 + [0, 1, 2, 3, 4, 0]
    assert frozen.duplicates == 6


def test_unreadable_files_are_no_duplicates(tmp_path: Path, output: Store) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).symlink_to("nowhere")
    assert [row.duplicate_of for row in freeze_listing(output, str(tmp_path))] == [None, None]


def test_what_is_passed_over_is_said_and_kept(folder_of: Make, output: Store, caplog: pytest.LogCaptureFixture) -> None:
    folder = folder_of(FILES | {"a.txt": b"", "b.txt": b"", "c.mov": b""})
    with caplog.at_level(logging.WARNING):
        assert freeze_listing(output, str(folder)).passed_over == {".txt": 2, ".mov": 1}
    assert "count=11 passed over: 2 .txt, 1 .mov" in caplog.text


def test_no_pictures_is_an_error_that_says_what_is_there(folder_of: Make, output: Store) -> None:
    with pytest.raises(ConfigError, match=r"photos: no pictures there \(passed over: 2 \.txt\)"):
        freeze_listing(output, str(folder_of({"a.txt": b"", "b.txt": b""})))
    assert output.is_empty()


def test_another_source_is_refused(folder_of: Make, output: Store) -> None:
    folder = folder_of(FILES)
    freeze_listing(output, str(folder))
    for source, column in ((f"{folder}/*.png", None), (str(folder), "original")):
        with pytest.raises(RunMismatchError, match=r"lists the pictures of .*photos, not of .*photos"):
            freeze_listing(output, source, column=column)


def test_a_listing_counts_from_its_last_object_on(folder_of: Make, output: Store) -> None:
    folder = folder_of(FILES)
    first = freeze_listing(output, str(folder), part_rows=4)
    output.remove(LISTING_KEY)
    assert read_listing(output) is None
    (folder / "05.png").unlink()
    again = freeze_listing(output, str(folder), part_rows=4)
    assert len(again) == len(first) - 1
    assert [row.key for row in again] == sorted(set(FILES) - {"05.png"})


def test_of_two_that_list_at_once_the_first_counts(
    folder_of: Make, output: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(FILES)
    put_new = Store.put_new

    def late(self: Store, key: str, body: bytes) -> bool:
        monkeypatch.setattr(Store, "put_new", put_new)
        freeze_listing(output, str(folder), part_rows=4)
        return put_new(self, key, body)

    monkeypatch.setattr(Store, "put_new", late)
    frozen = freeze_listing(output, str(folder), part_rows=4)
    assert [row.key for row in frozen] == sorted(FILES)


def test_a_damaged_part_is_never_read(folder_of: Make, output: Store) -> None:
    folder = folder_of(FILES)
    freeze_listing(output, str(folder), part_rows=4)
    output.put(listing_part(1), output.get(listing_part(2)))
    damaged = freeze_listing(output, str(folder), part_rows=4)
    assert damaged[0].key == "00.png"
    with pytest.raises(StoreError, match=r"part-00001\.parquet is not the part"):
        _ = damaged[4]
    output.put(LISTING_KEY, json.dumps({"count": 3}).encode())
    with pytest.raises(StoreError, match="another version"):
        read_listing(output)


def test_beyond_the_end_there_is_nothing(folder_of: Make, output: Store) -> None:
    frozen = freeze_listing(output, str(folder_of(FILES)))
    for index in (11, -12):
        with pytest.raises(IndexError, match="of a listing of 11 pictures"):
            _ = frozen[index]


class ManyNames:
    """A bucket of so many pictures, in no order; every other one has the content of another."""

    failures: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, count: int) -> None:
        self.count = count

    def listing(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        for number in range(self.count):
            place = number * 7_919 % self.count
            yield f"{prefix}folder/{place:08d}.jpg", 100_000, f"{place // 2:032x}"


def frozen_names(count: int, output: Store, part_rows: int) -> tuple[Any, int]:
    """A listing of so many names, and the most bytes that making it took."""
    opened = PictureSource("s3://bucket/photos")
    reader = Folder(Store("s3://bucket/photos", "bucket/photos", cast(Backend, ManyNames(count))))
    opened.__dict__["reader"] = reader
    tracemalloc.start()
    try:
        values = listing._frozen(output, opened, part_rows)
        return values, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_a_part_and_not_of_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many names may cost what the 16 bytes for each, and what sorting those, comes to."""
    monkeypatch.setattr(tables, "_BATCH", 20)
    few, many = 1_200, 12_000
    frozen_names(100, open_store(tmp_path / "warm"), 400)
    _, small = frozen_names(few, open_store(tmp_path / "few"), 400)
    values, large = frozen_names(many, open_store(tmp_path / "many"), 400)
    assert large - small < 150 * (many - few)
    assert (values["count"], values["duplicates"]) == (many, many // 2)
    frozen = listing.Listing(open_store(tmp_path / "many"), **(values | {"digests": tuple(values["digests"])}))
    for index in np.random.default_rng(0).integers(0, many, 20).tolist():
        row = frozen[index]
        assert (row.index, row.key) == (index, f"folder/{index:08d}.jpg")
        assert row.duplicate_of == (index - 1 if index % 2 else None)
