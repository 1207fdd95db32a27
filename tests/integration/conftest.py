"""Small real runs on a real local Ray, shared by the integration tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from higan_cam.config import RunConfig, load_config
from higan_cam.runtime.run import run_stages

SMALL = (
    "label.count=160",
    "label.shard_size=40",
    "boundary.tails=40",
    "mask.count=24",
    "mask.shard_size=4",
    "mask.micro_batch=4",
    "attribution.name=path",  # the one that needs gradients of the scorer
    "attribution.steps=2",
)
OUTSIDE_IDENTITY = ("stats", "report")


@pytest.fixture(scope="session")
def small_config() -> Callable[..., RunConfig]:
    """A configuration of a few seconds, on the embedded weights, with further overrides."""

    def build(output: Path, *overrides: str) -> RunConfig:
        return load_config(None, [f"output={output}", *SMALL, *overrides])

    return build


@pytest.fixture(scope="session")
def reference_run(
    tmp_path_factory: pytest.TempPathFactory, local_ray: None, small_config: Callable[..., RunConfig]
) -> Path:
    """One finished run with one worker."""
    output = tmp_path_factory.mktemp("reference") / "run"
    run_stages(small_config(output, "runtime.workers=1"))
    return output


def digests(output: Path) -> dict[str, str]:
    """{relative path: sha256} of everything that belongs to a run's identity."""
    files = (path for path in sorted(output.rglob("*")) if path.is_file())
    named = ((path.relative_to(output), path) for path in files)
    return {
        str(name): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named
        if name.parts[0] not in OUTSIDE_IDENTITY
    }
