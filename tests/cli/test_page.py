"""`higan-cam app` and `label-by-hand` say what is wrong before anything is started, and start and end for real."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from higan_cam.app.door import TOKEN
from higan_cam.cli import page as commands
from higan_cam.config import load_config
from higan_cam.runtime.preflight import weights_digests
from higan_cam.store import begin_run, open_store, verify_run
from tests.support.commands import Command
from tests.support.waiting import PATIENCE_S, wait_until


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


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has its configuration and nothing else."""
    folder = tmp_path_factory.mktemp("by_hand") / "run"
    config = load_config(None, ["label.count=40", "boundary.tails=20", "mask.count=4"], output=str(folder))
    begin_run(open_store(folder), config, weights_digests(config))
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "nowhere: not a run"),
        (("RUN", "--output", "labels.txt"), "--output labels.txt: a table is written; end its name in .csv"),
        (("RUN", "--output", "RUN/labels.csv"), "lies in the run"),
        (("RUN", "--output", "RUN/scores/labels.csv"), "lies in the run"),
        (("RUN", "--host", "192.0.2.77"), "--host 192.0.2.77"),
        (("RUN", "--yes", "good", "--no", "good"), "--yes and --no are both 'good'"),
        (("RUN", "--name", ""), "--name is empty"),
        (("RUN", "--output", "others.csv"), "line 2: index 40; the run has the latents 0 to 39"),
    ],
)
def test_what_is_wrong_with_labels_by_hand_is_said_at_once(
    higan_cam: Command,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "others.csv").write_text("index,label\n40,1\n")
    port = str(free_port())
    given = (argument.replace("RUN", str(run)) for argument in arguments)
    status, _, said = higan_cam("label-by-hand", *given, "--port", port)
    assert status != 0
    assert words in said
    assert not (tmp_path / "labels.csv").exists()
    assert sorted(path.name for path in run.rglob("*")) == ["run.json"]


def test_the_extra_that_is_missing_is_named(higan_cam: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "find_spec", lambda _name: None)
    for command in (("app",), ("label-by-hand", str(run))):
        status, _, said = higan_cam(*command)
        assert (status, "pip install 'higan-cam[app]'" in said) == (2, True)


@pytest.mark.integration
@pytest.mark.parametrize(("number", "ends"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_labels_by_hand_end_with_what_was_done_and_what_comes_next(
    higan_cam: Command, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, ends: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOKEN, "a token of these tests")
    port, asked = free_port(), []

    def somebody() -> None:
        wait_until(lambda: listens(port), "the page")
        try:
            for label in (b"1", b"0"):
                body = b'{"tab": "one", "index": 3%s, "again": false, "label": %s}' % (label, label)
                asked.append(question(port, body))
        finally:
            os.kill(os.getpid(), number)

    visitor = threading.Thread(target=somebody)
    visitor.start()
    status, told, _ = higan_cam("label-by-hand", str(run), "--port", str(port), "--count", "60", "--repeat", "0")
    visitor.join()
    assert asked == [200, 200]
    lines = told.splitlines()
    assert (status, lines[0]) == (ends, f"page     http://127.0.0.1:{port}/#token=${TOKEN}")
    assert lines[2] == "labelled 2 of 40 (yes 1, no 1) in labels.csv"
    assert lines[3].startswith(
        f"next     python -m jobs.train_labeller --run {run} --labels labels.csv --attribute quality "
    )
    assert (tmp_path / "labels.csv").read_text() == "index,label\n31,1\n30,0\n"
    assert verify_run(open_store(run)) == []
    assert "a token of these tests" not in told


def listens(port: int) -> bool:
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0


def question(port: int, body: bytes) -> int:
    """The status of an answer that somebody gives on the page."""
    headers = {"Content-Type": "application/json", "Authorization": "Bearer a token of these tests"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/answer", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
        return int(answer.status)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
