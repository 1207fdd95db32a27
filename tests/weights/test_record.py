"""The record of fetched files keeps every entry, whoever writes it at the same moment."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from higan_cam.errors import WeightsError
from higan_cam.weights.record import LOCK, TURN, hold_lock, record, recorded

ENTRIES, PATIENCE_S = 60, 120


def entry(number: int) -> dict[str, str]:
    return {"file": f"{number}.pth", "sha256": f"{number:064x}"}


def write_many(folder: Path, process: str, start: Barrier) -> None:
    """Record files of its own as fast as it can, once the other process is there."""
    start.wait(PATIENCE_S)
    for number in range(ENTRIES):
        with hold_lock(folder):
            record(folder, f"{process}{number}", entry(number))


def test_two_processes_at_once_lose_no_entry(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    writers = [context.Process(target=write_many, args=(tmp_path, name, start)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(PATIENCE_S)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert set(recorded(tmp_path)) == {f"{name}{number}" for name in "ab" for number in range(ENTRIES)}
    assert {path.name for path in tmp_path.iterdir()} == {LOCK, TURN}


def test_the_record_is_held_until_the_end_of_the_block_and_after_an_error_no_more(tmp_path: Path) -> None:
    held: list[bool] = []

    def fail() -> None:
        with hold_lock(tmp_path):
            held.append(taken(tmp_path))
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert held == [True]
    assert not taken(tmp_path)


def taken(folder: Path) -> bool:
    """Whether somebody holds the lock."""
    with (folder / TURN).open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_the_same_digest_leaves_the_entry_as_it_was(tmp_path: Path) -> None:
    record(tmp_path, "a", {**entry(1), "url": "https://first"})
    record(tmp_path, "a", {**entry(1), "url": "https://second"})
    assert recorded(tmp_path)["a"]["url"] == "https://first"
    record(tmp_path, "a", {**entry(2), "url": "https://third"})
    assert recorded(tmp_path)["a"] == {**entry(2), "url": "https://third"}


def test_a_folder_that_cannot_be_written_to_is_named() -> None:
    with pytest.raises(WeightsError, match=r"/proc/\.weights\.lock: cannot be written"), hold_lock(Path("/proc")):
        pass


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuses)
    message = r"cannot be locked \(No locks available\); set \$HIGAN_CAM_WEIGHTS"
    with pytest.raises(WeightsError, match=message), hold_lock(tmp_path):
        pass
