"""The numbers that the labelling stage begins with."""

from __future__ import annotations

import subprocess
import sys

from higan_cam.runtime.shards import Shards


def test_every_shard_is_a_block_of_its_own() -> None:
    tables = [table.to_pydict() for task in Shards([3, 1, 7]).get_read_tasks(3) for table in task()]
    assert tables == [{"id": [3]}, {"id": [1]}, {"id": [7]}]


def test_whoever_reads_them_does_not_load_torch() -> None:
    """It would take seconds of a core that the workers need."""
    code = "import sys, higan_cam.runtime.shards; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
