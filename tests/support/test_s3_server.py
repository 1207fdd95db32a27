"""The S3 server that other tests lean on: it keeps objects, it can drop out, and it never outlives its owner."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.s3_server import S3Server, ServerMissingError, available_kind
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.ceph]
ROOT = Path(__file__).resolve().parents[2]


def test_objects_are_kept_while_the_gateway_is_down(s3_server: S3Server) -> None:
    if s3_server.kind != "ceph":
        pytest.skip("moto loses its objects")
    bucket = s3_server.create_bucket()
    s3_server.client().put_object(Bucket=bucket, Key="run/a", Body=b"x")
    s3_server.server.drop()
    s3_server.server.restore()
    assert s3_server.objects(f"s3://{bucket}/run") == {"a": b"x"}


def test_a_command_runs_against_a_fresh_server_and_its_exit_status_comes_back() -> None:
    _need_a_server()
    code = "import os, sys; sys.exit(7 if os.environ['AWS_ENDPOINT_URL'].startswith('http://127.0.0.1:') else 1)"
    command = [sys.executable, "-m", "tests.support.s3_server", "--", sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 7


def test_the_server_ends_when_its_owner_is_killed() -> None:
    _need_a_server()
    wait = "import sys, os; print(os.environ['AWS_ENDPOINT_URL'], flush=True); sys.stdin.read()"
    command = [sys.executable, "-m", "tests.support.s3_server", "--", sys.executable, "-c", wait]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        port = owner.stdout.readline().rstrip().rpartition(":")[2]
        daemons = _children(owner.pid)
        assert port.isdecimal()
        assert daemons
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(_alive(pid) for pid in daemons), "the server ends")


def _need_a_server() -> None:
    try:
        available_kind()
    except ServerMissingError as error:
        pytest.skip(str(error))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    """Whether the process still runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
