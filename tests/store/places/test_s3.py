"""What is S3's own, undisturbed: in parts, verified, cleaned up, reached as configured, without credentials."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from higan_cam.config import RunConfig, StoreConfig
from higan_cam.errors import ConfigError, StoreError
from higan_cam.publish.dataset import encode_shard
from higan_cam.store.canonical import digest
from higan_cam.store.keys import shard_path
from higan_cam.store.manifest import commit_shard, committed
from higan_cam.store.places.retrying import RequestError
from higan_cam.store.places.s3 import S3Backend
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store, open_store
from tests.support.s3_server import S3Server
from tests.support.samples import HASH, MIB, PARTS, PATH, commit_scores, noise, sample_of
from tests.support.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.ceph]


@pytest.fixture
def store(s3_uri: str) -> Store:
    """An empty store in a new bucket."""
    return open_store(s3_uri)


def test_listings_of_more_than_a_page_are_whole(store: Store) -> None:
    keys = [f"manifest/data-{number:05d}.json" for number in range(1003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, b""), keys))
    assert list(store.list("manifest/")) == keys


def test_a_large_object_goes_up_in_parts(s3_uri: str, s3_server: S3Server) -> None:
    assert open_store(s3_uri, PARTS).put_new("data/large", noise(1, 11 * MIB))
    head = s3_server.client().head_object(Bucket=s3_uri.split("/")[2], Key="run/data/large")
    assert head["ETag"].strip('"').endswith("-3")


@pytest.mark.parametrize(
    ("key", "kind"), [("report/gallery.html", "text/html"), ("data/large.bin", "application/octet-stream")]
)
def test_a_browser_is_told_what_an_object_is(key: str, kind: str, s3_uri: str, s3_server: S3Server) -> None:
    store = open_store(s3_uri, PARTS)
    for body in (b"small", noise(1, 6 * MIB)):
        store.put(key, body)
        head = s3_server.client().head_object(Bucket=s3_uri.split("/")[2], Key=f"run/{key}")
        assert head["ContentType"] == kind


def test_racing_commits_agree_where_the_manifest_goes_up_in_parts_too(s3_uri: str) -> None:
    """Ceph lets both uploads complete; then the manifest decides."""
    store, together = open_store(s3_uri, PARTS.model_copy(update={"multipart_bytes": 0})), Barrier(4)

    def commit(value: int) -> str | None:
        together.wait(PATIENCE_S)
        return commit_scores(store, value, rows=100_000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(commit, range(4)))
    assert committed(store, "scores", HASH, verify=True)[0].sha256 == digest(store.get(PATH))


def test_bytes_that_change_on_the_way_are_refused(
    store: Store, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if s3_server.kind != "ceph":
        pytest.skip("moto takes any digest")
    monkeypatch.setattr("higan_cam.store.places.s3._md5", lambda _: "1B2M2Y8AsgTpgAmY7PhCfg==")  # of other bytes
    for settings in (StoreConfig(retry_s=0), PARTS.model_copy(update={"retry_s": 0, "multipart_bytes": 0})):
        with pytest.raises(StoreError, match=r"BadDigest|InvalidDigest"):
            open_store(store.uri, settings).put_new("k", b"x")
    assert store.list() == ()


def test_uploads_of_living_writers_are_left_alone(s3_uri: str, s3_server: S3Server) -> None:
    if s3_server.kind != "ceph":
        pytest.skip("moto says of every upload that it began in 2010")
    client, bucket = s3_server.client(), s3_uri.split("/")[2]
    client.create_multipart_upload(Bucket=bucket, Key="run/data/living")
    assert open_store(s3_uri).remove_leftovers() == 0
    assert s3_server.unfinished_uploads(bucket) == ["run/data/living"]


def test_uploads_of_dead_writers_are_aborted_once_they_are_old(s3_uri: str, s3_server: S3Server) -> None:
    client, bucket = s3_server.client(), s3_uri.split("/")[2]
    for key in ("run/data/dead", "other/data/living"):
        client.create_multipart_upload(Bucket=bucket, Key=key)
    assert begin_run(open_store(s3_uri, StoreConfig(leftovers_s=0)), RunConfig())
    assert s3_server.unfinished_uploads(bucket) == ["other/data/living"]


def test_wrong_keys_are_explained_and_never_repeated(
    s3_uri: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if s3_server.kind != "ceph":
        pytest.skip("moto takes any secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    with pytest.raises(StoreError, match=r"403 SignatureDoesNotMatch.*; check the credentials") as caught:
        open_store(s3_uri).put("k", b"x")
    assert "hunter2" not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(StoreError, match=r"NoCredentialsError.*; check the credentials"):
        open_store(s3_uri).put("k", b"x")


def test_a_store_travels_without_credentials(s3_uri: str, s3_server: S3Server) -> None:
    store = open_store(s3_uri, PARTS)
    store.put("k", b"x")
    pickled = pickle.dumps(store)
    assert s3_server.server.secret_key.encode() not in pickled
    assert s3_server.server.secret_key not in repr(store)
    copy = pickle.loads(pickled)  # noqa: S301
    assert copy.settings == PARTS
    assert copy.get("k") == b"x"


def test_the_configured_endpoint_goes_before_the_environments(
    s3_uri: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    open_store(s3_uri, StoreConfig(endpoint_url=s3_server.endpoint_url)).put("k", b"x")
    with pytest.raises(StoreError, match=r"EndpointConnectionError.*127\.0\.0\.1:1/"):
        open_store(s3_uri, StoreConfig(retry_s=0)).find("k")


@pytest.mark.parametrize(
    ("addressing", "url"),
    [
        ("auto", "http://store.test:9000/bucket/k"),
        ("path", "http://store.test:9000/bucket/k"),
        ("virtual", "http://bucket.store.test:9000/k"),
    ],
)
def test_addressing_puts_the_bucket_where_the_server_expects_it(
    addressing: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    for settings in ({"endpoint_url": "http://store.test:9000"}, {}):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.test:9000")
        backend = open_store("s3://bucket/run", StoreConfig(addressing=addressing, **settings)).backend
        assert isinstance(backend, S3Backend)
        signed = backend.client.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"})
        assert signed.partition("?")[0] == url


@pytest.mark.parametrize(
    "url", ["https://key:hunter2@host", "https://host/?secret=hunter2", "hunter2", "ftp://hunter2"]
)
def test_endpoints_with_credentials_are_refused_without_repeating_them(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL must") as caught:
        open_store("s3://bucket/run")
    assert "hunter2" not in str(caught.value)


def test_a_failed_request_survives_pickling() -> None:
    error = RequestError("SlowDown", "503 SlowDown: wait", "start again later", True)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (copy.code, copy.said, copy.fix, copy.transient) == (error.code, error.said, error.fix, True)


@pytest.mark.slow
def test_datasets_loads_a_committed_run_from_the_store(s3_uri: str, tmp_path: Path) -> None:
    store = open_store(s3_uri)
    for shard in range(2):
        body = encode_shard([sample_of(index) for index in range(3 * shard, 3 * shard + 3)])
        path = shard_path("train", shard, 2)
        commit_shard(store, stage="data", shard=shard, path=path, body=body, rows=3, config_hash=HASH)
    # In a process of its own: the library reads its settings, offline or not, when it is imported.
    code = (
        "import os, sys; os.environ.pop('HF_HUB_OFFLINE', None); import datasets\n"
        "rows = datasets.load_dataset('parquet', data_files=sys.argv[1], split='train', cache_dir=sys.argv[2])\n"
        "print([row['id'] for row in rows], rows[0]['image'].size)"
    )
    command = [sys.executable, "-c", code, f"{s3_uri}/data/train-*.parquet", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == f"{[sample_of(index).id for index in range(6)]} (16, 16)"
