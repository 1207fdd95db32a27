"""An S3 server of the tests' own on loopback, and a command line that runs anything against a fresh one.

    python -m tests.support.s3_server -- higan-cam run --output s3://bucket/run

It is Ceph's gateway where its programs are installed, else moto (which keeps objects but checks neither secrets nor
digests, so it proves less; `kind` says which one it is). The server ends with the process that started it, however that
ends. Start it on a thread that lives as long as the server should.

In tests: the fixtures `s3_server` (one per session) and `s3_uri` (a new bucket, and the environment that leads there).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

from tests.support.ceph import CephGateway, free_port, missing_programs
from tests.support.waiting import PATIENCE_S

INSTALL = "apt-get install --no-install-recommends ceph-mon ceph-osd ceph-common radosgw"
Kind = Literal["ceph", "moto"]


class ServerMissingError(RuntimeError):
    """No S3 server can be started here; says what to install."""


class _Server(Protocol):
    port: int
    access_key: str
    secret_key: str

    def stop(self) -> None: ...
    def drop(self) -> None: ...
    def restore(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


@dataclass(frozen=True)
class S3Server:
    """A running server.

    Attributes:
        kind: ceph or moto.
        server: its process or processes: `drop()` kills it (objects stay, on Ceph), `restore()` starts it again on the
            same port, `pause()` and `resume()` freeze and thaw it.
    """

    kind: Kind
    server: _Server

    @property
    def endpoint_url(self) -> str:
        """http://127.0.0.1:port"""
        return f"http://127.0.0.1:{self.server.port}"

    def environment(self, endpoint_url: str | None = None) -> dict[str, str]:
        """What the clients' own chain needs to get here (or through a proxy at `endpoint_url`), and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": endpoint_url or self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # For clients other than ours: trailing checksums confuse servers other than AWS.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        }

    def client(self) -> Any:
        """A botocore client, for looking at the server past the code under test."""
        return self._client

    @cached_property
    def _client(self) -> Any:
        import botocore.session
        from botocore.config import Config

        return botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.server.access_key,
            aws_secret_access_key=self.server.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )

    def create_bucket(self, name: str | None = None) -> str:
        """A new bucket; its name."""
        bucket = name or f"test-{uuid.uuid4().hex}"
        self.client().create_bucket(Bucket=bucket)
        return bucket

    def objects(self, uri: str) -> dict[str, bytes]:
        """{key below the URI: bytes} of everything that is really there."""
        bucket, prefix = _place(uri)
        return {
            key: self.client().get_object(Bucket=bucket, Key=f"{prefix}{key}")["Body"].read() for key in self.keys(uri)
        }

    def keys(self, uri: str) -> list[str]:
        """Keys below the URI of everything that is really there."""
        bucket, prefix = _place(uri)
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"][len(prefix) :] for page in pages for item in page.get("Contents", ())]

    def empty(self, uri: str) -> None:
        """Delete everything below the URI."""
        bucket, prefix = _place(uri)
        for key in self.keys(uri):
            self.client().delete_object(Bucket=bucket, Key=f"{prefix}{key}")

    def orphaned_parts(self, bucket: str) -> int:
        """Parts that are stored, and on a real cloud paid for, in such uploads."""
        client = self.client()
        uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())
        named = ({"Key": upload["Key"], "UploadId": upload["UploadId"]} for upload in uploads)
        return sum(len(client.list_parts(Bucket=bucket, **upload).get("Parts", ())) for upload in named)

    def unfinished_uploads(self, bucket: str) -> list[str]:
        """Keys of multipart uploads that were neither completed nor aborted."""
        return [item["Key"] for item in self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


@contextmanager
def running_server(kind: Kind | None = None) -> Iterator[S3Server]:
    """A server with no buckets, for the length of the block.

    Raises:
        ServerMissingError: neither Ceph nor moto is installed (or not the one asked for).
    """
    chosen = kind or available_kind()
    with tempfile.TemporaryDirectory(prefix="s3-server-", ignore_cleanup_errors=True) as folder:
        server: _Server = CephGateway(Path(folder)) if chosen == "ceph" else _MotoServer(Path(folder))
        try:
            yield S3Server(chosen, server)
        finally:
            server.stop()


def available_kind() -> Kind:
    """The most real server that is installed.

    Raises:
        ServerMissingError: none is.
    """
    missing = missing_programs()
    if not missing:
        return "ceph"
    if find_spec("moto") is not None and find_spec("flask") is not None:
        return "moto"
    raise ServerMissingError(f"no S3 server here: {', '.join(missing)} and moto[server] are missing; {INSTALL}")


class _MotoServer:
    """moto's stand-in; `drop` loses its objects."""

    access_key, secret_key = "testkey", "testsecret"

    def __init__(self, folder: Path) -> None:
        self.port, self._log = free_port(), folder / "moto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.restore()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    drop = stop

    def restore(self) -> None:
        tie = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        command = [*tie, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServerMissingError(f"moto did not start; see {self._log}")
            time.sleep(0.05)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


def _place(uri: str) -> tuple[str, str]:
    """s3://bucket/run -> (bucket, "run/")"""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, f"{prefix}/" if prefix else ""


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command against a fresh server; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.s3_server", description=main.__doc__)
    parser.add_argument("--bucket", action="append", help="bucket to create (repeatable; default: bucket)")
    parser.add_argument("--kind", choices=["ceph", "moto"], help="default: ceph where it is installed")
    parser.add_argument("command", nargs="+", help="after --; finds the server in AWS_ENDPOINT_URL and AWS_*")
    options = parser.parse_args(arguments)
    try:
        with running_server(options.kind) as server:
            for bucket in options.bucket or ["bucket"]:
                server.create_bucket(bucket)
            print(f"s3_server: {server.kind} at {server.endpoint_url}", file=sys.stderr, flush=True)
            environment = {**os.environ, **server.environment()}
            return subprocess.run(options.command, env=environment, check=False).returncode
    except ServerMissingError as error:
        print(f"s3_server: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
