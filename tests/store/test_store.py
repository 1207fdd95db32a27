"""A local store keeps its promises: exclusive, atomic, nothing half-written; and what any store refuses to be.

What every kind of store promises is in places/test_backend.py.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import ConfigError, StoreError
from higan_cam.store.places.memory import RemoteBackend
from higan_cam.store.store import Store, open_store
from tests.support.waiting import PATIENCE_S

WRITERS = 6
ROUNDS = 10


def test_what_may_not_be_removed_stays_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run" / "stats" / "a.json").mkdir(parents=True)  # a folder: not even root can unlink it
    open_store(str(tmp_path / "run")).remove("stats/a.json")
    assert "stats/a.json cannot be removed and stays" in caplog.text


@given(key=st.sampled_from(["", "/etc/passwd", "../up", "a/../../b", "a//b", "./a", "a/", "a\\..\\b"]))
def test_keys_stay_inside_the_output(key: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        open_store("memory://x").put(key, b"")


@given(first=st.binary(max_size=64), second=st.binary(max_size=64))
def test_content_round_trips_and_first_wins(first: bytes, second: bytes) -> None:
    store = open_store(f"memory://{uuid.uuid4()}")
    assert store.put_new("k", first)
    assert not store.put_new("k", second)
    assert store.get("k") == first


def _race(store: Store, writer: int, barrier: Any, results: Any) -> None:
    for turn in range(ROUNDS):
        barrier.wait(PATIENCE_S)
        results.put((turn, writer, store.put_new(f"data/{turn}", bytes([writer]) * 100_000)))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_processes_exclude_each_other(tmp_path: Path) -> None:
    store, context = open_store(tmp_path / "run"), multiprocessing.get_context("fork")
    barrier, results = context.Barrier(WRITERS), context.Queue()
    processes = [context.Process(target=_race, args=(store, n, barrier, results)) for n in range(WRITERS)]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=PATIENCE_S) for _ in range(WRITERS * ROUNDS)]
    for process in processes:
        process.join(PATIENCE_S)
    winners = {turn: writer for turn, writer, won in outcomes if won}
    assert sum(won for *_, won in outcomes) == ROUNDS
    assert all(store.get(f"data/{turn}") == bytes([winner]) * 100_000 for turn, winner in winners.items())
    assert len(store.list()) == ROUNDS


def _write_forever(store: Store, started: Any) -> None:
    for number in range(1_000_000):
        store.put_new(f"data/{number}", bytes([number % 251]) * 300_000)
        store.put("stats/latest", bytes([number % 251]) * 300_000)
        started.set()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_killed_writer_leaves_only_whole_objects(tmp_path: Path) -> None:
    store, context = open_store(tmp_path), multiprocessing.get_context("fork")
    for _ in range(5):
        started = context.Event()
        writer = context.Process(target=_write_forever, args=(store, started))
        writer.start()
        started.wait(PATIENCE_S)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join(PATIENCE_S)
    assert store.list("data/")
    for key in store.list():
        body = store.get(key)
        assert len(body) == 300_000
        assert len(set(body)) == 1


def test_leftovers_of_a_crash_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".train-00000.parquet.123-abc.tmp").write_bytes(b"half")
    store = open_store(tmp_path)
    assert store.list() == ()
    assert store.is_empty()


def test_old_leftovers_of_a_crash_are_removed_and_young_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    old, young = (tmp_path / "data" / f".{name}.parquet.123-abc.tmp" for name in ("old", "young"))
    for file in (old, young):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert open_store(tmp_path).remove_leftovers() == 1
    assert not old.exists()
    assert young.exists()


def test_published_files_have_the_mode_of_the_umask(tmp_path: Path) -> None:
    open_store(tmp_path).put_new("a", b"x")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def test_relative_paths_and_file_uris_mean_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative, uri = open_store("runs/a"), open_store(f"file://{tmp_path}/runs/a")
    relative.put("k", b"x")
    assert uri.get("k") == b"x"
    assert relative == uri
    assert relative.uri == str(tmp_path / "runs/a")


def test_unwritable_output_names_the_place_and_the_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for parent in (tmp_path / "file", Path("/proc/self/none")):
        store = open_store(parent / "run")
        with pytest.raises(StoreError, match=f"{parent}/run: cannot write k .*choose another output"):
            store.put_new("k", b"x")


def test_file_system_without_links_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with pytest.raises(StoreError, match="no hard links"):
        open_store(tmp_path).put_new("k", b"x")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://host/run", "protocol 'ftp'"),
        ("s3://", "names no folder"),
        ("", "names no folder"),
        ("/", "names no folder"),
        ("s3://key:hunter2@bucket/run", "holds credentials"),
        ("s3://bucket/run?secret=hunter2", "holds credentials"),
    ],
)
def test_bad_uris_are_refused_without_repeating_secrets(uri: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        open_store(uri)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("uri", "extra"), [("s3://bucket/run", "s3"), ("gs://bucket/run", "gcs")])
def test_missing_client_library_says_what_to_install(uri: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("botocore", "botocore.exceptions", "google.auth"):
        monkeypatch.setitem(sys.modules, module, None)
    for module in ("s3", "gcs", "gcs_client"):
        monkeypatch.delitem(sys.modules, f"higan_cam.store.places.{module}", raising=False)
    with pytest.raises(ConfigError, match=rf"pip install 'higan-cam\[{extra}\]'"):
        open_store(uri)


class _LossyFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """A memory file system whose writes work but whose answers get lost."""

    cachable = False
    acts = True

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if self.acts:
            super().pipe_file(path, value, mode=mode, **kwargs)
        raise OSError(22, "connection reset")


@pytest.mark.parametrize(
    ("before", "acts", "outcome"), [(None, True, True), (b"theirs", False, False), (None, False, None)]
)
def test_lost_answer_is_settled_by_reading_back(before: bytes | None, acts: bool, outcome: bool | None) -> None:
    filesystem = _LossyFileSystem()
    filesystem.acts = acts
    root = f"/{uuid.uuid4()}"
    store = Store("memory://lossy", root, RemoteBackend(filesystem, (OSError,)))
    if before is not None:
        MemoryFileSystem().pipe_file(f"{root}/k", before)
    if outcome is None:
        with pytest.raises(StoreError, match=r"connection reset.*credentials"):
            store.put_new("k", b"ours")
    else:
        assert store.put_new("k", b"ours") is outcome


def test_a_streamed_listing_follows_links_and_no_circle(tmp_path: Path) -> None:
    (tmp_path / "run" / "inner").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"x")
    (tmp_path / "run" / "inner" / "up").symlink_to(tmp_path / "run")
    (tmp_path / "run" / "there").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "run" / "nowhere.png").symlink_to(tmp_path / "gone")
    (tmp_path / "run" / ".b.png.12-ab.tmp").write_bytes(b"half")
    os.mkfifo(tmp_path / "run" / "pipe.png")
    found = {key: size for key, size, _ in open_store(tmp_path / "run").listing()}
    assert found == {"there/a.png": 1, "nowhere.png": 0}
    assert list(open_store(tmp_path / "nothing").listing()) == []
