"""Where the labelling stage's Ray Data flow begins: the numbers of the shards to make, and nothing else.

A module of its own, since a process of Ray's imports it to read them: with torch that would take seconds of a core that
the workers need.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import ray.data
from ray.data.block import BlockMetadata


class Shards(ray.data.Datasource):  # type: ignore[misc]
    """Shard numbers as a Ray Data source: one block of one row `id` each."""

    def __init__(self, shards: list[int]) -> None:
        super().__init__()
        self._shards = shards

    def estimate_inmemory_data_size(self) -> int:
        """Bytes of all rows."""
        return 8 * len(self._shards)

    def get_read_tasks(self, parallelism: int, **_: Any) -> list[ray.data.ReadTask]:  # noqa: ARG002
        """One task per shard."""
        about = {"num_rows": 1, "size_bytes": 8, "input_files": None, "exec_stats": None}
        return [ray.data.ReadTask(partial(_row, shard), BlockMetadata(**about)) for shard in self._shards]


def _row(shard: int) -> list[pa.Table]:
    return [pa.table({"id": [shard]})]
