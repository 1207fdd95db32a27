"""Workers that are forked are the workers that Ray would have started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray

from higan_cam.runtime.cluster.head import WORKER_ENVIRONMENT, unless_set
from tests.support import forked_worker
from tests.support.forking import forking_process


def _seen() -> tuple[int, int, bool, dict[str, str], str]:
    return os.getpid(), os.getpgid(0), "torch" in sys.modules, dict(os.environ), os.getcwd()  # noqa: PTH109


@pytest.mark.integration
def test_a_worker_has_its_imports_and_its_environment_and_a_process_group_of_its_own(local_ray: None) -> None:
    process, group, imported, environment, folder = ray.get(ray.remote(_seen).remote())
    assert group == process != os.getpid()
    assert imported
    assert {name: environment[name] for name in WORKER_ENVIRONMENT} == unless_set(WORKER_ENVIRONMENT)
    assert environment["RAY_RAYLET_PID"].isdigit()
    assert folder == os.getcwd()  # noqa: PTH109


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """In place of Ray's worker program: it says which process it is, and its arguments."""
    path = tmp_path / "worker.py"
    path.write_text("import os, sys; print(os.getpid(), *sys.argv[1:])")
    return path


def _started() -> tuple[bool, str]:
    """Start a worker as Ray does: whether it is forked, and what else it says."""
    command = [sys.executable, forked_worker.__file__, "--node", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stub:
        process, _, arguments = stub.communicate(timeout=30)[0].partition(" ")
    return int(process) != stub.pid, arguments


def test_a_worker_is_forked_where_others_have_died_before(program: Path) -> None:
    with forking_process(str(program), ()):
        assert not forked_worker.taken(os.environ[forked_worker.ADDRESS], patience_s=0.01)  # went during the imports
        for said in (b"", b"\0\0\0\2", b"\0\0\0\2{"):
            with socket.socket(socket.AF_UNIX) as died:
                died.connect(os.environ[forked_worker.ADDRESS])
                died.sendall(said)
        assert _started() == (True, "--node 1\n")


def test_where_the_process_that_forks_is_dead_the_worker_is_rays_own_program(program: Path) -> None:
    with forking_process(str(program), ()) as forking:
        forking.kill()
        forking.wait()
        assert _started() == (False, "--node 1\n")


def test_where_imports_fail_workers_are_rays_own_program(program: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with forking_process(str(program), ("of_another_ray",)):
        assert [_started() for _ in range(2)] == [(False, "--node 1\n")] * 2
    assert "No module named 'of_another_ray'" in capfd.readouterr().err


def test_where_nobody_answers_the_worker_does_not_wait_for_ever(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "socket"))
        deaf.listen()
        assert not forked_worker.taken(str(tmp_path / "socket"), patience_s=0.01)
        client, _ = deaf.accept()
        with client, pytest.raises(BrokenPipeError):  # who answers now learns that nobody wants a second worker
            client.sendall(b"1")


def test_sockets_lie_where_those_of_ray_do(
    program: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setenv("RAY_TMPDIR", short)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("long" * 30)))
        with forking_process(str(program), ()):
            assert Path(os.environ[forked_worker.ADDRESS]).is_relative_to(short)
