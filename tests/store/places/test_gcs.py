"""The store on servers of Google's API: exclusive, in parts, verified, reached as configured, without credentials.

Google itself was never asked; `tests.support.gcs_server` says what each server can tell.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from higan_cam.config import RunConfig, StoreConfig
from higan_cam.errors import ConfigError, LeaseHeldError, StoreError
from higan_cam.store.canonical import digest
from higan_cam.store.lease import Lease, read_lease
from higan_cam.store.manifest import committed
from higan_cam.store.places.gcs import GcsBackend
from higan_cam.store.places.gcs_client import GOOGLE, gcs_client
from higan_cam.store.places.retrying import RequestError
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store, open_store
from tests.support.gcs_server import GcsServer
from tests.support.samples import HASH, MIB, PARTS, PATH, commit_scores, noise

pytestmark = pytest.mark.integration


@pytest.fixture
def store(gcs_uri: str) -> Store:
    """An empty store in a new bucket."""
    return open_store(gcs_uri)


def test_objects_behave_as_on_disk(store: Store) -> None:
    assert store.is_empty()
    assert store.put_new("data/a b?#%.x", b"first")
    assert not store.put_new("data/a b?#%.x", b"second")
    store.put("stats/a", b"old")
    store.put("stats/a", b"\r\n--newer\r\n")
    store.put("stats/empty", b"")
    assert (store.get("data/a b?#%.x"), store.get("stats/a"), store.get("stats/empty")) == (
        b"first",
        b"\r\n--newer\r\n",
        b"",
    )
    assert store.sizes() == {"data/a b?#%.x": 5, "stats/a": 11, "stats/empty": 0}
    assert store.list("data/") == store.list("da") == ("data/a b?#%.x",)
    assert store.find_many(["stats/a", "data/b"]) == {"stats/a": b"\r\n--newer\r\n"}
    assert store.find("data/b") is None
    assert store.size("stats/a") == 11
    assert not store.exists("data/b")
    assert not store.is_empty()
    for key in ("data/a b?#%.x", "data/b"):
        store.remove(key)
    assert store.list() == ("stats/a", "stats/empty")


def test_listings_of_more_than_a_page_are_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"manifest/data-{number:05d}.json" for number in range(23)]
    for key in keys:
        store.put(key, b"")
    assert isinstance(store.backend, GcsBackend)
    pages, ask = [], type(store.backend.client).json

    def ask_for_ten(self: Any, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        """The server would put all on one page, Google puts 1,000."""
        pages.append(ask(self, method, url, params={**arguments["params"], "maxResults": "10"}))
        return pages[-1]

    monkeypatch.setattr(type(store.backend.client), "json", ask_for_ten)
    assert list(store.list("manifest/")) == keys
    assert [len(page["items"]) for page in pages] == [10, 10, 3]


def test_neighbours_with_the_same_beginning_are_not_listed(store: Store, gcs_uri: str) -> None:
    open_store(f"{gcs_uri}2").put("a", b"x")
    assert store.is_empty()
    assert store.list() == ()


def test_one_of_eight_writers_wins(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        for turn in range(5):
            won = [*pool.map(lambda writer, key=f"data/{turn}": store.put_new(key, bytes([writer])), range(8))]
            assert sum(won) == 1
            assert store.get(f"data/{turn}") == bytes([won.index(True)])


def test_run_goes_on_and_commits_once(store: Store) -> None:
    assert begin_run(store, RunConfig())
    assert not begin_run(open_store(store.uri), RunConfig())
    with ThreadPoolExecutor(6) as pool:
        differing = [*pool.map(lambda value: commit_scores(store, value), range(6))]
    assert differing.count(None) == 1
    assert committed(store, "scores", HASH, verify=True)[0].sha256 == digest(store.get(PATH))


def test_one_driver_at_a_time(store: Store) -> None:
    with Lease(store).held(), pytest.raises(LeaseHeldError), Lease(open_store(store.uri)).held():
        pass
    with Lease(store).held():
        holder = read_lease(store)
        assert holder is not None
        assert (holder.number, holder.released) == (2, False)


def test_a_large_object_goes_up_in_parts_and_is_whole(gcs_uri: str, gcs_server: GcsServer) -> None:
    store, body = open_store(gcs_uri, PARTS), noise(1, 11 * MIB)
    assert store.put_new("data/large", body)
    assert not store.put_new("data/large", body[:-1])
    assert store.get("data/large") == body
    store.put("data/large", body[::-1])
    assert gcs_server.objects(gcs_uri) == {"data/large": body[::-1]}


@pytest.mark.parametrize(
    ("key", "kind"), [("report/gallery.html", "text/html"), ("data/large.bin", "application/octet-stream")]
)
def test_a_browser_is_told_what_an_object_is_and_to_look_again(
    key: str, kind: str, gcs_uri: str, gcs_server: GcsServer
) -> None:
    store = open_store(gcs_uri, PARTS)
    for body in (b"small", noise(1, 6 * MIB)):
        store.put(key, body)
        described = gcs_server.described(gcs_uri, key)
        assert (described["contentType"], described["cacheControl"]) == (kind, "no-cache")


def test_racing_commits_in_parts_leave_an_object_and_an_entry_that_agree(gcs_uri: str) -> None:
    """This server lets every such upload complete; then the manifest, small enough to be exclusive, decides."""
    store, together = open_store(gcs_uri, PARTS.model_copy(update={"multipart_bytes": 1000})), Barrier(4)

    def commit(value: int) -> str | None:
        together.wait(30)
        return commit_scores(store, value, rows=100_000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(commit, range(4)))
    assert committed(store, "scores", HASH, verify=True)[0].sha256 == digest(store.get(PATH))


@pytest.mark.parametrize("multipart_bytes", [MIB, 0])
def test_bytes_that_change_on_the_way_are_refused(
    multipart_bytes: int, gcs_second_server: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("higan_cam.store.places.gcs._md5", lambda _: "1B2M2Y8AsgTpgAmY7PhCfg==")  # of other bytes
    settings = {"endpoint_url": gcs_second_server.endpoint_url, "retry_s": 0, "multipart_bytes": multipart_bytes}
    uri = f"gs://{gcs_second_server.create_bucket()}/run"
    with pytest.raises(StoreError, match=r"run: cannot write k \(400 invalid: .*MD5 hash"):
        open_store(uri, PARTS.model_copy(update=settings)).put_new("k", b"x")
    assert gcs_second_server.objects(uri) == {}


@pytest.mark.parametrize("multipart_bytes", [MIB, 0])
def test_a_server_that_takes_other_bytes_is_found_out(
    multipart_bytes: int, gcs_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("higan_cam.store.places.gcs._md5", lambda _: "1B2M2Y8AsgTpgAmY7PhCfg==")
    store = open_store(gcs_uri, PARTS.model_copy(update={"retry_s": 0, "multipart_bytes": multipart_bytes}))
    with pytest.raises(StoreError, match=r"run: cannot write k \(sent bytes with MD5 1B2M.*, the store holds some"):
        store.put("k", b"x")


def test_missing_bucket_is_named_by_every_operation(gcs_uri: str) -> None:
    store = open_store("gs://nowhere-at-all/run")
    operations: list[Callable[[], object]] = [
        lambda: store.put_new("k", b"x"),
        lambda: store.put("k", b"x"),
        lambda: open_store(store.uri, PARTS).put_new("k", bytes(2 * MIB)),
        lambda: open_store(store.uri, PARTS).put("k", bytes(2 * MIB)),
        lambda: store.find("k"),
        lambda: store.size("k"),
        lambda: store.find_many(["k"]),
        store.sizes,
        store.is_empty,
    ]
    for operation in operations:
        with pytest.raises(StoreError, match=r"gs://nowhere-at-all/run: cannot .*404.*; create the bucket"):
            operation()


def test_google_is_not_asked_without_credentials(gcs_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    for settings in (StoreConfig(), StoreConfig(endpoint_url="https://storage.example.test")):
        store = open_store("gs://bucket/run", settings)
        assert isinstance(store.backend, GcsBackend)
        assert store.backend.client.endpoint == (settings.endpoint_url or GOOGLE)
        with pytest.raises(StoreError, match=r"write k \(DefaultCredentialsError: no usable.*; check the credentials"):
            store.put("k", b"x")


def test_the_url_of_an_upload_with_which_anyone_may_write_is_in_no_error() -> None:
    client = gcs_client(StoreConfig(endpoint_url="http://127.0.0.1:1"))
    with pytest.raises(RequestError, match="Connection refused") as caught:
        client.request("PUT", f"{client.endpoint}/upload?upload_id=hunter2")
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"


def test_a_store_travels_as_its_settings(gcs_uri: str) -> None:
    store = open_store(gcs_uri, PARTS)
    store.put("k", b"x")
    copy = pickle.loads(pickle.dumps(store))  # noqa: S301
    assert copy.settings == PARTS
    assert copy.get("k") == b"x"


def test_the_configured_endpoint_goes_before_the_environments(
    gcs_uri: str, gcs_server: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")  # host:port means http://
    open_store(gcs_uri, StoreConfig(endpoint_url=gcs_server.endpoint_url)).put("k", b"x")
    with pytest.raises(StoreError, match=r"ConnectionError at http://127\.0\.0\.1:1: Connection refused"):
        open_store(gcs_uri, StoreConfig(retry_s=0)).find("k")


@pytest.mark.parametrize("url", ["https://key:hunter2@host", "https://host/?secret=hunter2", "ftp://hunter2"])
def test_endpoints_with_credentials_are_refused_without_repeating_them(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    with pytest.raises(ConfigError, match="STORAGE_EMULATOR_HOST must") as caught:
        open_store("gs://bucket/run")
    assert "hunter2" not in str(caught.value)
