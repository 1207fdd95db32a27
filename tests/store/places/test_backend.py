"""What every store promises, on every kind of store; what one of them does in its own way is in the tests beside it."""

from __future__ import annotations

import hashlib
import pickle
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from higan_cam.config import RunConfig
from higan_cam.errors import LeaseHeldError, StoreError
from higan_cam.store.canonical import digest
from higan_cam.store.lease import Lease, read_lease
from higan_cam.store.manifest import committed
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store, open_store
from tests.support.samples import HASH, MIB, PARTS, PATH, commit_scores, noise
from tests.support.waiting import PATIENCE_S

S3 = pytest.param("s3", marks=[pytest.mark.integration, pytest.mark.ceph])
GCS = pytest.param("gcs", marks=pytest.mark.integration)
SECOND_GCS = pytest.param("second gcs", marks=pytest.mark.integration)
"""Knows no conditions, so that nothing is exclusive there (see `tests.support.gcs_server`)."""
SERVED = {"s3": "s3_uri", "gcs": "gcs_uri", "second gcs": "gcs_second_uri"}
"""The fixture with a new bucket of a server, by kind."""
WRITERS, TURNS = 8, 10


@pytest.fixture(params=["local", "memory", S3, GCS, SECOND_GCS])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store of every kind in turn."""
    return open_store(uri_of(request))


@pytest.fixture(params=["local", "memory", S3, GCS])
def exclusive(request: pytest.FixtureRequest) -> Store:
    """An empty store of every kind that writes new objects only once."""
    return open_store(uri_of(request))


@pytest.fixture(params=["local", S3, GCS])
def shared(request: pytest.FixtureRequest) -> Store:
    """An empty store of every kind for several writers at once; the one in memory has a single one."""
    return open_store(uri_of(request))


@pytest.fixture(params=[S3, GCS, SECOND_GCS])
def served(request: pytest.FixtureRequest) -> Store:
    """An empty store of every kind in buckets."""
    return open_store(uri_of(request))


def uri_of(request: pytest.FixtureRequest) -> str:
    """Where an empty store of the kind asked for is."""
    if request.param in SERVED:
        return str(request.getfixturevalue(SERVED[request.param]))
    folder: Path = request.getfixturevalue("tmp_path")
    return str(folder / "run") if request.param == "local" else f"memory://{uuid.uuid4()}/run"


def test_new_object_is_written_once(exclusive: Store) -> None:
    assert exclusive.put_new("data/a.bin", b"first")
    assert not exclusive.put_new("data/a.bin", b"second")
    assert exclusive.get("data/a.bin") == b"first"


def test_put_replaces(store: Store) -> None:
    store.put("stats/a.json", b"old")
    store.put("stats/a.json", b"newer")
    assert store.get("stats/a.json") == b"newer"
    assert store.size("stats/a.json") == 5


def test_removing_takes_one_object_and_needs_none(store: Store) -> None:
    store.put("stats/a.json", b"a")
    store.put("stats/b.json", b"b")
    for _ in range(2):
        store.remove("stats/a.json")
    assert store.list() == ("stats/b.json",)


def test_absent_objects_are_none_or_named(store: Store) -> None:
    assert store.find("data/a.bin") is None
    assert store.size("data/a.bin") is None
    assert not store.exists("data/a.bin")
    assert store.list() == ()
    assert store.is_empty()
    with pytest.raises(StoreError, match=r"no such object: data/a\.bin"):
        store.get("data/a.bin")


def test_listing_filters_by_prefix_and_sorts(store: Store) -> None:
    for key in ("manifest/data-00001.json", "manifest/data-00000.json", "manifest/scores-00000.json", "run.json"):
        store.put(key, key.encode())
    assert store.list("manifest/data-") == ("manifest/data-00000.json", "manifest/data-00001.json")
    assert len(store.list("manifest/")) == 3
    assert len(store.list()) == 4
    assert store.sizes("run")["run.json"] == len("run.json")
    assert store.list("run.json") == store.list("ru") == ("run.json",)
    assert not store.is_empty()


def test_many_objects_are_read_at_once(store: Store) -> None:
    store.put("a", b"1")
    store.put("b", b"2")
    assert store.find_many(["a", "b", "missing"]) == {"a": b"1", "b": b"2"}
    assert store.find_many([]) == {}


def test_a_part_of_an_object_is_read_alone(store: Store) -> None:
    store.put("a.bin", bytes(range(200)))
    assert store.part("a.bin", 10, 14) == bytes([10, 11, 12, 13])
    assert store.part("a.bin", 0, 1) == b"\0"
    assert store.part("a.bin", 190, 500) == bytes(range(190, 200))
    assert store.part("a.bin", 200, 300) == store.part("a.bin", 5, 5) == b""
    assert store.part("missing", 0, 9) is None


def test_a_streamed_listing_names_what_a_listing_names(store: Store) -> None:
    bodies = {"a": b"1", "b/c é?#%.png": b"22", "b/d": b"22", "b/.DS_Store": b"x", "b/Thumbs.db": b"y"}
    for key, body in bodies.items():
        store.put(key, body)
    found = {key: (size, tag) for key, size, tag in store.listing()}
    assert {key: size for key, (size, _) in found.items()} == store.sizes()
    assert found["b/d"] == found["b/c é?#%.png"]
    assert found["a"][1] != found["b/d"][1] or found["a"][1] == ""
    assert [key for key, _, _ in store.listing("b/d")] == ["b/d"]


def test_objects_say_when_they_were_written_in_the_order_in_which_they_were(store: Store) -> None:
    for key in ("data/a", "manifest/a", "data/b"):
        store.put(key, b"1")
    first = store.written()
    assert set(first) == {"data/a", "manifest/a", "data/b"}
    assert first["data/a"] <= first["manifest/a"] <= first["data/b"]
    time.sleep(1.1)  # object stores tell whole seconds
    store.put("data/a", b"2")
    again = store.written("data/")
    assert set(again) == {"data/a", "data/b"}
    assert again["data/a"] > again["data/b"] == first["data/b"]


def test_tags_in_buckets_are_the_md5_of_the_content(served: Store) -> None:
    served.put("a", b"content")
    assert [tag for _, _, tag in served.listing()] == [hashlib.md5(b"content", usedforsecurity=False).hexdigest()]


def test_an_empty_object_is_one(store: Store) -> None:
    store.put("stats/empty", b"")
    assert store.get("stats/empty") == b""
    assert store.sizes() == {"stats/empty": 0}
    assert store.exists("stats/empty")
    assert not store.is_empty()


def test_keys_and_bytes_with_signs_of_the_protocols_are_kept_as_they_are(store: Store) -> None:
    key, body = "data/a b?#%.x", b"\r\n--newer\r\n"
    assert store.put_new(key, body)
    assert (store.get(key), store.size(key)) == (body, len(body))
    assert store.sizes("data/") == {key: len(body)}
    assert store.find_many([key]) == {key: body}
    store.remove(key)
    assert store.is_empty()


def test_neighbours_with_the_same_beginning_are_not_listed(store: Store) -> None:
    open_store(f"{store.uri}2").put("a", b"x")
    assert store.is_empty()
    assert store.list() == ()


def test_a_store_travels_as_its_uri_and_settings(store: Store) -> None:
    settled = open_store(store.uri, PARTS)
    settled.put("k", b"x")
    copy = pickle.loads(pickle.dumps(settled))  # noqa: S301
    assert copy == settled
    assert copy.settings == PARTS
    assert copy.get("k") == b"x"


def test_one_of_several_writers_wins(shared: Store) -> None:
    together = Barrier(WRITERS)

    def write(writer: int, turn: int) -> bool:
        together.wait(PATIENCE_S)
        return shared.put_new(f"data/{turn}", bytes([writer]) * 1000)

    with ThreadPoolExecutor(WRITERS) as pool:
        for turn in range(TURNS):
            won = [*pool.map(write, range(WRITERS), [turn] * WRITERS)]
            assert sum(won) == 1
            assert shared.get(f"data/{turn}") == bytes([won.index(True)]) * 1000


def test_a_run_goes_on_and_commits_once(shared: Store) -> None:
    assert begin_run(shared, RunConfig())
    assert not begin_run(open_store(shared.uri), RunConfig())
    with ThreadPoolExecutor(6) as pool:
        differing = [*pool.map(lambda value: commit_scores(shared, value), range(6))]
    assert differing.count(None) == 1
    assert committed(shared, "scores", HASH, verify=True)[0].sha256 == digest(shared.get(PATH))


def test_one_driver_at_a_time(exclusive: Store) -> None:
    with Lease(exclusive).held(), pytest.raises(LeaseHeldError), Lease(open_store(exclusive.uri)).held():
        pass
    with Lease(exclusive).held():
        holder = read_lease(exclusive)
        assert holder is not None
        assert (holder.number, holder.released) == (2, False)


def test_a_large_object_is_written_once_and_whole(exclusive: Store) -> None:
    store, body = open_store(exclusive.uri, PARTS), noise(1, 11 * MIB)
    assert store.put_new("data/large", body)
    assert not store.put_new("data/large", body[:-1])
    assert store.get("data/large") == body
    store.put("data/large", body[::-1])
    assert store.get("data/large") == body[::-1]
    assert store.sizes() == {"data/large": len(body)}


def test_racing_commits_in_parts_leave_an_object_and_an_entry_that_agree(shared: Store) -> None:
    """Servers let several such uploads complete; then the manifest, small enough to be exclusive, decides."""
    store, together = open_store(shared.uri, PARTS.model_copy(update={"multipart_bytes": 1000})), Barrier(4)

    def commit(value: int) -> str | None:
        together.wait(PATIENCE_S)
        return commit_scores(store, value, rows=100_000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(commit, range(4)))
    assert committed(store, "scores", HASH, verify=True)[0].sha256 == digest(store.get(PATH))


def test_a_missing_bucket_is_named_by_every_operation(served: Store) -> None:
    missing = f"{served.uri.partition('://')[0]}://nowhere-at-all/run"
    store, parts = open_store(missing), open_store(missing, PARTS)
    operations: list[Callable[[], object]] = [
        lambda: store.put_new("k", b"x"),
        lambda: store.put("k", b"x"),
        lambda: parts.put_new("k", bytes(2 * MIB)),
        lambda: parts.put("k", bytes(2 * MIB)),
        lambda: store.find("k"),
        lambda: store.size("k"),
        lambda: store.find_many(["k"]),
        store.sizes,
        store.is_empty,
        lambda: store.part("k", 0, 9),
        lambda: list(store.listing()),
    ]
    for operation in operations:
        with pytest.raises(StoreError, match=rf"{missing}: cannot .*404.*; create the bucket"):
            operation()
