"""An address of a cluster is tried before anything is written, and what is wrong with it is one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from higan_cam.config import RuntimeConfig, load_config
from higan_cam.errors import ConfigError
from higan_cam.runtime.cluster import reach
from higan_cam.runtime.cluster.join import first_line, inner_error
from higan_cam.runtime.cluster.reach import check_reachable
from higan_cam.runtime.run import run_stages
from tests.support.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def no_ray_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a driver that has not joined anything, and without patience for a port that refuses."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(reach, "PATIENCE_S", 0.2)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of this machine at which nothing listens, and nothing else can begin to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:8265", "dashboard, which `ray job submit` takes"),
        ("https://head", "dashboard"),
        ("head", "expected host:port"),
        ("head:", "expected host:port"),
        (":6379", "expected host:port"),
        ("head:0", "expected host:port"),
        ("head:99999", "expected host:port"),
        ("head:6379/", "expected host:port"),
        ("ray:/head:10001", "expected host:port"),
        ("redis://head:6379", "expected host:port"),
        (" head:6379", "expected host:port"),
        ("[::1:6379", "expected host:port"),
    ],
)
def test_an_address_of_another_form_is_named(address: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=message) as configured:
        check_reachable(RuntimeConfig(address=address))
    assert str(configured.value).startswith("runtime.address: ")
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=message) as exported:
        check_reachable(RuntimeConfig())
    assert str(exported.value).startswith("RAY_ADDRESS: ")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "localhost:{}", "ray://127.0.0.1:{}"])
def test_a_cluster_that_is_gone_is_said(form: str, silent_port: int) -> None:
    with pytest.raises(ConfigError, match="nothing listens there; is the cluster up"):
        check_reachable(RuntimeConfig(address=form.format(silent_port)))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64, "..", "h\u00f6st..x"])
def test_a_host_that_nobody_knows_is_said(host: str) -> None:
    with pytest.raises(ConfigError, match="no Ray cluster answers"):
        check_reachable(RuntimeConfig(address=f"{host}:6379"))


def test_a_run_that_cannot_join_its_cluster_writes_nothing(tmp_path: Path, silent_port: int) -> None:
    output = tmp_path / "run"
    config = load_config(None, [f"output={output}", f"runtime.address=127.0.0.1:{silent_port}", "label.count=4000"])
    with pytest.raises(ConfigError, match="nothing listens there"):
        run_stages(config)
    assert not output.exists()


@pytest.mark.slow
def test_what_listens_and_is_no_ray_is_said() -> None:
    """Ray itself tells after forty seconds; here, in a process of its own, it is told to be quicker."""
    code = (
        "import sys\n"
        "from higan_cam.config import RuntimeConfig\n"
        "from higan_cam.errors import ConfigError\n"
        "from higan_cam.runtime.cluster.reach import check_reachable\n"
        "try:\n"
        "    check_reachable(RuntimeConfig(address=sys.argv[1]))\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    soon = {"RAY_gcs_rpc_server_connect_timeout_s": "1", "RAY_py_gcs_connect_timeout_s": "3"}
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        told = subprocess.run(
            [sys.executable, "-c", code, address],
            env={**os.environ, **soon},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        ).stdout
    assert told.startswith(f"runtime.address: no Ray cluster answers at {address!r}: something listens there")
    assert told.count("\n") == 1


def test_nothing_is_asked_where_the_run_starts_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(reach, "_connect", asked)
    check_reachable(RuntimeConfig())
    check_reachable(RuntimeConfig(address="local"))


def test_a_mistake_of_the_users_inside_rays_error_comes_out() -> None:
    mistake = ConfigError("regions.eps must be > 0 px")
    failed = ray.exceptions.RayTaskError("sweep", "Traceback (most recent call last):\n  x\nConfigError: x", mistake)
    assert inner_error(failed.as_instanceof_cause()) is mistake
    assert inner_error(ray.exceptions.RaySystemError("gone")) is None


def test_rays_errors_are_told_in_one_line() -> None:
    trace = "ray::_sweep() (pid=1)\n  File x\nValueError: too large\n"
    assert first_line(ray.exceptions.RayTaskError("sweep", trace, ValueError("too large"))) == "ValueError: too large"
    assert "\n" not in first_line(ray.exceptions.ActorDiedError())
