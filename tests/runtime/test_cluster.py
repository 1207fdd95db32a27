"""Where Ray is found, on a real one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROGRAM = """
from higan_cam.config import RuntimeConfig
from higan_cam.runtime.cluster import cluster, resources
with cluster(RuntimeConfig()):
    print("processors", resources()[0])
"""


@pytest.mark.integration
def test_a_cluster_that_is_gone_is_not_waited_for() -> None:
    """`ray start` writes down its address; after a crash it is still there, and Ray alone would try it for minutes."""
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # short: sockets lie below it
        written = Path(folder) / "ray" / "ray_current_cluster"
        written.parent.mkdir()
        written.write_text("127.0.0.1:9")
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        finished = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**environment, "RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    assert "processors" in finished.stdout
