"""Folder markers and desktop litter are nothing, anywhere; what is something is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from higan_cam.config import RunConfig
from higan_cam.errors import StoreError
from higan_cam.publish.exports.record import claim
from higan_cam.store.litter import is_litter
from higan_cam.store.places.gcs import GcsBackend
from higan_cam.store.places.s3 import S3Backend
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store, open_store
from higan_cam.store.verify import verify_run

LITTER = [
    *(".DS_Store", "data/.DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "._run.json", "data/._x.parquet"),
    *(".ipynb_checkpoints/x-checkpoint.ipynb", "lost+found/#1", "__MACOSX/._a", ".Trash-1000/info/x", ".nfs0001"),
    *("$RECYCLE.BIN/x", "System Volume Information/x", "@eaDir/x/y", ".localized"),
]
MARKS = ["", "data/", "data_$folder$", ".gitkeep", "data/.keep"]
SOMETHING = [
    "a.txt",
    "DS_Store",
    "data/x.parquet",
    ".git/config",
    ".hidden",
    "thumbs.db.txt",
    "_x",
    ".higan-cam/export.json",
]


@pytest.mark.parametrize("key", LITTER)
def test_litter_is_nobodys_whatever_it_weighs(key: str) -> None:
    assert is_litter(key, 0)
    assert is_litter(key, 6148)


@pytest.mark.parametrize("key", MARKS)
def test_a_mark_is_nothing_while_it_holds_nothing(key: str) -> None:
    assert is_litter(key, 0)
    assert not is_litter(key, 1)


@pytest.mark.parametrize("key", SOMETHING)
def test_whatever_else_is_somebodys(key: str) -> None:
    assert not is_litter(key, 0)


def test_an_output_with_litter_alone_begins_a_run_and_verifies(store: Store) -> None:
    for key in LITTER:
        store.put(key, b"litter")
    assert store.is_empty()
    assert begin_run(store, RunConfig())
    assert store.list() == ("run.json",)
    assert verify_run(store) == []


def test_an_export_takes_a_target_with_litter_alone(store: Store) -> None:
    store.put(".DS_Store", b"litter")
    claim(store, {"format": "coco"})
    assert store.list() == (".higan-cam/export.json",)


@pytest.mark.parametrize("begin", [lambda store: begin_run(store, RunConfig()), lambda store: claim(store, {})])
def test_a_refusal_names_a_few_of_the_things_that_are_there(store: Store, begin: Any) -> None:
    store.put(".DS_Store", b"litter")
    store.put("thesis.tex", b"mine")
    with pytest.raises(StoreError, match=r"not empty and not .*(but|there is) thesis\.tex\)"):
        begin(store)
    for number in range(9):
        store.put(f"figures/{number}.png", b"mine")
    with pytest.raises(
        StoreError, match=r"not empty and not .*(but|there is) [^,]+, [^,]+, [^,]+ and more\)"
    ) as caught:
        begin(store)
    assert "DS_Store" not in str(caught.value)


def test_folders_without_files_and_ones_that_may_not_be_listed_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir(mode=0)
    (tmp_path / "data" / "empty").mkdir(parents=True)
    assert open_store(tmp_path).is_empty()


def test_a_link_that_leads_nowhere_is_something(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert open_store(tmp_path).glimpse() == "link"


@pytest.mark.integration
def test_a_folder_made_in_the_console_of_s3_is_empty(s3_uri: str) -> None:
    backend = open_store(s3_uri).backend
    assert isinstance(backend, S3Backend)
    _mark_and_fill(s3_uri, backend)


@pytest.mark.integration
def test_a_folder_made_in_the_console_of_google_is_empty(gcs_uri: str) -> None:
    backend = open_store(gcs_uri).backend
    assert isinstance(backend, GcsBackend)
    _mark_and_fill(gcs_uri, backend)


def _mark_and_fill(uri: str, backend: S3Backend | GcsBackend) -> None:
    root = uri.partition("://")[2]
    for mark in ("", "data/", "data/more/"):
        backend.replace(f"{root}/{mark}", b"")
    store = open_store(uri)
    # More than a page of litter before anything else.
    for number in range(60):
        store.put(f".ipynb_checkpoints/{number}", b"litter")
    assert store.is_empty()
    assert store.list() == ()
    assert begin_run(store, RunConfig())
    assert store.list() == ("run.json",)
    backend.replace(f"{root}2/z/", b"somebody's")
    assert open_store(f"{uri}2").glimpse() == "z/"
