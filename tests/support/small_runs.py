"""The settings of a run of seconds, what identifies its bytes, and how long its units take on this machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

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


def digests(output: Path) -> dict[str, str]:
    """{relative path: sha256} of everything that belongs to a run's identity."""
    files = (path for path in sorted(output.rglob("*")) if path.is_file())
    named = ((path.relative_to(output), path) for path in files)
    return {
        str(name): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named
        if name.parts[0] not in OUTSIDE_IDENTITY
    }


def hang_timeout_s(stats: Iterable[bytes], least: float) -> float:
    """Ten times what any unit of an undisturbed run took here a moment ago, so that no healthy one is killed.

    Args:
        stats: the bodies of the run's `stats/<stage>-<shard>.json`.
        least: the shortest that is given.
    """
    return round(max(least, 10 * max(float(json.loads(body)["seconds"]) for body in stats)), 1)


def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this test session, which the processes of pytest-xdist share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
