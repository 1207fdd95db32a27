"""`higan-cam app` says what is wrong before anything is started, and starts and ends for real."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from higan_cam.app.door import TOKEN
from tests.support.commands import Command
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def taken() -> socket.socket:
    """A port that somebody listens on."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def test_a_port_that_is_taken_is_named(higan_cam: Command, taken: socket.socket) -> None:
    port = str(taken.getsockname()[1])
    with taken:
        status, _, said = higan_cam("app", "--port", port)
    assert status == 2
    assert f"--port {port}: cannot listen there" in said


def test_an_address_of_another_machine_is_named(higan_cam: Command) -> None:
    status, _, said = higan_cam("app", "--host", "192.0.2.77")
    assert (status, "--host 192.0.2.77" in said) == (2, True)


def test_a_short_token_is_refused_and_not_repeated(higan_cam: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "hunter2")
    status, _, said = higan_cam("app", "--port", str(free_port()))
    assert status == 2
    assert TOKEN in said
    assert "hunter2" not in said


@pytest.mark.parametrize("address", ["auto", "192.0.2.77:6379"])
def test_a_cluster_is_left_alone(higan_cam: Command, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    status, _, said = higan_cam("app", "--host", "192.0.2.77")  # where nothing can be served either
    assert status == 2
    assert "unset it" in said
    assert "rayservice.yaml" in said


@pytest.mark.slow
@pytest.mark.integration
def test_it_serves_until_it_is_stopped_and_leaves_nothing_behind() -> None:
    port = free_port()
    environment = {**os.environ, TOKEN: "a token of these tests"}
    command = [sys.executable, "-m", "higan_cam", "app", "--port", str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as page:
        first = next(line for line in page.stdout or () if line.startswith("page"))
        assert first == f"page     http://127.0.0.1:{port}/#token=${TOKEN}\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as answer:
            assert b"<title>Put light here</title>" in answer.read()
        page.send_signal(signal.SIGTERM)
        rest = page.communicate(timeout=PATIENCE_S)[0]
    assert page.returncode == 143
    assert environment[TOKEN] not in first + rest
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
