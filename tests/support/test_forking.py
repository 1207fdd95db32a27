"""Workers that are forked are the workers that Ray would have started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from higan_cam.runtime.cluster.head import WORKER_ENVIRONMENT, unless_set
from tests.support import forked_worker


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


def test_where_nobody_forks_the_worker_is_rays_own_program(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text("import sys; print(sys.argv[1:])")
    told = subprocess.run(
        [sys.executable, forked_worker.__file__, "--node", "1"],
        env={**os.environ, forked_worker.ADDRESS: str(tmp_path / "nobody"), forked_worker.PROGRAM: str(program)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "['--node', '1']\n"
