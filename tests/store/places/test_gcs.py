"""What is Google's own: in parts, verified, reached as configured, without credentials.

Google itself was never asked; `tests.support.gcs_server` says what each server can tell.
"""

from __future__ import annotations

from typing import Any

import pytest

from higan_cam.config import StoreConfig
from higan_cam.errors import ConfigError, StoreError
from higan_cam.store.places.gcs import GcsBackend
from higan_cam.store.places.gcs_client import GOOGLE, gcs_client
from higan_cam.store.places.retrying import RequestError
from higan_cam.store.store import Store, open_store
from tests.support.gcs_server import GcsServer
from tests.support.samples import MIB, PARTS, noise

pytestmark = pytest.mark.integration


@pytest.fixture
def store(gcs_uri: str) -> Store:
    """An empty store in a new bucket."""
    return open_store(gcs_uri)


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


def test_a_large_object_that_went_up_in_parts_is_all_there_is(gcs_uri: str, gcs_server: GcsServer) -> None:
    store, body = open_store(gcs_uri, PARTS), noise(1, 11 * MIB)
    assert store.put_new("data/large", body)
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
