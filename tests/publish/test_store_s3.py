"""The store on a real S3-compatible server (Ceph RGW), also when answers get lost on the way."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from higan_cam.config import RunConfig
from higan_cam.errors import StoreError
from higan_cam.publish.manifest import commit_shard, committed
from higan_cam.publish.run import begin_run
from higan_cam.publish.scores import encode_scores
from higan_cam.publish.store import Store, digest, open_store

SECRET = "testsecret"  # noqa: S105
HASH = "c" * 64
PATH = "scores/part-00000.parquet"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port} after {seconds} s")


@pytest.fixture(scope="module")
def server(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a Ceph RGW of this module's own."""
    script = shared / "components" / "s3_server_example.sh"
    pytest.importorskip("s3fs", reason="the s3 extra is not installed")
    if not script.is_file() or shutil.which("radosgw") is None:
        pytest.skip("no Ceph here: apt-get install ceph-mon ceph-osd ceph-common radosgw")
    folder, port = tmp_path_factory.mktemp("ceph"), _free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", str(script), str(folder / "d"), str(port), str(_free_port())],
            env={**os.environ, "OBJ": "memstore"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_for(port, 60)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def bucket(server: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket; the client finds server and keys in the environment, as a user's would."""
    _use(server, monkeypatch)
    name = f"b{uuid.uuid4().hex}"
    _filesystem().mkdir(name)
    return name


def _use(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testkey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # The client is cached by its arguments, which do not change with the environment.
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def _filesystem() -> Any:
    store = open_store("s3://any/thing")
    return store.backend.filesystem  # type: ignore[attr-defined]


def _commit(store: Store, value: float) -> str | None:
    body = encode_scores(np.arange(8), np.full(8, value, np.float32))
    return commit_shard(store, stage="scores", shard=0, path=PATH, body=body, rows=8, config_hash=HASH).differing


def test_objects_behave_as_on_disk(bucket: str) -> None:
    store = open_store(f"s3://{bucket}/runs/a")
    assert store.is_empty()
    assert store.put_new("data/a", b"first")
    assert not store.put_new("data/a", b"second")
    store.put("stats/a", b"old")
    store.put("stats/a", b"newer")
    assert (store.get("data/a"), store.get("stats/a")) == (b"first", b"newer")
    assert store.sizes() == {"data/a": 5, "stats/a": 5}
    assert store.list("data/") == ("data/a",)
    assert store.find_many(["data/a", "data/b"]) == {"data/a": b"first"}
    assert store.find("data/b") is None
    assert not store.is_empty()


@pytest.mark.slow
def test_objects_above_the_multipart_limit_stay_exclusive(bucket: str) -> None:
    store, body = open_store(f"s3://{bucket}/run"), bytes(101 * 2**20)
    assert store.put_new("data/big", body)
    assert not store.put_new("data/big", body[:-1])
    assert store.size("data/big") == len(body)


def test_one_of_eight_writers_wins(bucket: str) -> None:
    store = open_store(f"s3://{bucket}/run")
    with ThreadPoolExecutor(8) as pool:
        for turn in range(5):
            won = [*pool.map(lambda writer, key=f"data/{turn}": store.put_new(key, bytes([writer])), range(8))]
            assert sum(won) == 1
            assert store.get(f"data/{turn}") == bytes([won.index(True)])


def test_run_goes_on_and_commits_once(bucket: str) -> None:
    store = open_store(f"s3://{bucket}/run")
    assert begin_run(store, RunConfig())
    assert not begin_run(open_store(store.uri), RunConfig())
    with ThreadPoolExecutor(6) as pool:
        differing = [*pool.map(lambda value: _commit(store, value), range(6))]
    assert differing.count(None) == 1
    assert committed(store, "scores", HASH, verify=True)[0].sha256 == digest(store.get(PATH))


def test_missing_bucket_and_wrong_secret_are_explained_without_secrets(
    bucket: str, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match=r"s3://nowhere-at-all/run: cannot write run\.json .*bucket exists"):
        begin_run(open_store("s3://nowhere-at-all/run"), RunConfig())
    _use(server, monkeypatch)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    with pytest.raises(StoreError, match="credentials") as caught:
        open_store(f"s3://{bucket}/run").put("k", b"x")
    assert "hunter2" not in str(caught.value)


class _LossyProxy:
    """Forwards to the server, but hangs up instead of answering the first `losses` PUTs: the server has acted."""

    def __init__(self, target: int, losses: int) -> None:
        self.target, self.losses, self.loop = target, losses, asyncio.new_event_loop()
        self.port = _free_port()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> _LossyProxy:
        self.thread.start()
        _wait_for(self.port, 10)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def _serve(self) -> None:
        from aiohttp import web

        app = web.Application(client_max_size=2**28)
        app.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(app)
        self.loop.run_until_complete(runner.setup())
        self.loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", self.port).start())
        self.loop.run_forever()
        self.loop.run_until_complete(runner.cleanup())
        self.loop.close()

    async def _forward(self, request: Any) -> Any:
        import aiohttp
        from aiohttp import web
        from yarl import URL

        url = URL(f"http://127.0.0.1:{self.target}{request.raw_path}", encoded=True)
        body = await request.read()
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, data=body, headers=request.headers) as answer,
        ):
            content = await answer.read()
            if request.method == "PUT" and self.losses > 0:
                self.losses -= 1
                request.transport.abort()
            headers = {k: v for k, v in answer.headers.items() if k.lower() not in ("transfer-encoding", "connection")}
            return web.Response(status=answer.status, body=content, headers=headers)


@pytest.mark.slow
@pytest.mark.parametrize("losses", [1, 3, 30])
def test_lost_answers_neither_lose_nor_double_a_shard(
    bucket: str, server: int, losses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _LossyProxy(server, losses) as proxy:
        _use(proxy.port, monkeypatch)
        store = open_store(f"s3://{bucket}/run")
        assert _commit(store, 1) is None
        assert proxy.losses < losses
        assert committed(store, "scores", HASH, verify=True)[0].sha256 == digest(store.get(PATH))
