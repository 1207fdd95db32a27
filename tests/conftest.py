"""Shared fixtures: where the reference data lies; one BLAS thread per process; no deadline for hypothesis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
import torch
from hypothesis import settings

from higan_cam.runtime.cluster import WORKER_ENVIRONMENT

torch.set_num_threads(1)
# Shared cores: a slow moment is not a failure.
settings.register_profile("higan_cam", deadline=None)
settings.load_profile("higan_cam")
_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout; the test is skipped where it is absent."""
    if not (_SHARED / "parity").is_dir():
        pytest.skip("reference data absent: no ../shared/parity beside the checkout")
    return _SHARED


@pytest.fixture(scope="session")
def parity(shared: Path) -> Path:
    """The folder of parity arrays."""
    return shared / "parity"


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """A local Ray with room for three actors, whatever the machine has."""
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": WORKER_ENVIRONMENT},
    )
    yield
    ray.shutdown()
