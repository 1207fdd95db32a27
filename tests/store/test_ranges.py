"""An object reads like a file, and only the parts that are asked for are fetched."""

from __future__ import annotations

import io
import uuid
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import StoreError
from higan_cam.store.places.memory import RemoteBackend
from higan_cam.store.ranges import open_object
from higan_cam.store.store import Store, open_store
from tests.support.samples import noise

BODY = noise(0, 5000)
STEPS = st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 3000)), max_size=8)


@given(steps=STEPS, buffer=st.integers(1, 4000))
def test_reads_at_any_place_are_those_of_a_file(steps: list[tuple[int, int]], buffer: int) -> None:
    store = open_store(f"memory://{uuid.uuid4()}")
    store.put("a/b.bin", BODY)
    with open_object(store, "a/b.bin", buffer) as file:
        for start, count in steps:
            file.seek(start)
            assert file.read(count) == BODY[start : start + count]
        assert file.seek(0, io.SEEK_END) == len(BODY)
        assert file.seek(-7, io.SEEK_CUR) == len(BODY) - 7
        assert file.read() == BODY[-7:]


def test_a_local_object_is_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(BODY)
    with open_object(open_store(tmp_path), "a.bin") as file:
        assert file.read() == BODY


def test_a_member_of_an_archive_costs_its_own_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"memory://{uuid.uuid4()}")
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for number in range(40):
            archive.writestr(f"{number}.bin", noise(number, 100_000))
    store.put("a.zip", body.getvalue())
    asked = []
    part = RemoteBackend.part

    def counted(self: RemoteBackend, path: str, start: int, stop: int) -> bytes | None:
        asked.append(stop - start)
        return part(self, path, start, stop)

    monkeypatch.setattr(RemoteBackend, "part", counted)
    with open_object(store, "a.zip", 16_384) as file, zipfile.ZipFile(file) as archive:
        assert archive.read("17.bin") == noise(17, 100_000)
    assert sum(asked) < 250_000


def test_what_is_not_there_or_goes_away_is_said() -> None:
    store = open_store(f"memory://{uuid.uuid4()}")
    with pytest.raises(StoreError, match=r"no such object: a\.bin"):
        open_object(store, "a.bin")
    store.put("a.bin", BODY)
    with open_object(store, "a.bin", 10) as file:
        store.remove("a.bin")
        with pytest.raises(StoreError, match=r"a\.bin is gone"):
            file.read(100)


def test_seeking_before_the_start_is_refused(store: Store) -> None:
    store.put("a.bin", BODY)
    with open_object(store, "a.bin") as file, pytest.raises((ValueError, OSError)):
        file.seek(-10_000, io.SEEK_CUR)
