"""Small real runs on a real local Ray, shared by the integration tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from higan_cam.config import RunConfig, load_config
from higan_cam.runtime.run import run_stages
from tests.support.small_runs import SMALL, session_folder


@pytest.fixture(scope="session")
def small_config() -> Callable[..., RunConfig]:
    """A configuration of a few seconds, on the embedded weights, with further overrides; one worker unless they say."""

    def build(output: Path, *overrides: str) -> RunConfig:
        return load_config(None, [f"output={output}", *SMALL, "runtime.workers=1", *overrides])

    return build


@pytest.fixture(scope="session")
def reference_run(
    tmp_path_factory: pytest.TempPathFactory, local_ray: None, small_config: Callable[..., RunConfig]
) -> Path:
    """One finished run with one worker, made once for all processes of the session. Read only: tests change a copy."""
    output = session_folder(tmp_path_factory) / "reference" / "run"
    with FileLock(f"{output.parent}.lock"):
        if not (output / "report" / "index.html").exists():  # what a run writes last
            run_stages(small_config(output))
    return output


@pytest.fixture
def unmasked(reference_run: Path, tmp_path: Path) -> Path:
    """The reference run up to its masks."""
    output = tmp_path / "run"
    shutil.copytree(reference_run, output)
    shutil.rmtree(output / "data")
    for entry in (output / "manifest").glob("data-*"):
        entry.unlink()
    return output
