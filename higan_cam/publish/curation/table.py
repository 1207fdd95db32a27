"""The figures of every sample of a run, without the pictures: what curation and inspection decide from.

Shards are read one at a time, a few ahead, and only the small columns are kept: about 100 bytes a sample, so that a
million samples take 100 MB. Shard objects are fetched whole, since the store has no partial reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from higan_cam.errors import DataError, StoreError
from higan_cam.publish.reading import read_shard
from higan_cam.store.canonical import digest
from higan_cam.store.keys import DATA, split_of
from higan_cam.store.manifest import committed
from higan_cam.store.run import read_run
from higan_cam.store.store import Store
from higan_cam.types import IntArray, ShardRecord

FIGURES = (
    *("score", "score_negative", "score_positive", "retention", "necessity", "coverage"),
    *("retention_random", "necessity_random", "retention_second", "necessity_second"),
    *("distance_negative", "distance_positive"),
)
_COLUMNS = ("index", *FIGURES, "reached", "status", "image_hash")
_AHEAD = 4


@dataclass(frozen=True, eq=False)
class SampleTable:
    """n samples in order of index.

    Attributes:
        columns: {name: (n,) values}: `index` and `regions` (how many) int64; the scores, `score_change`, `retention`,
            `necessity` and `coverage` float64, NaN where the dataset has null; `status` and `split` text.
        hashes: (n,32) uint8.
        shard, row: (n,) where each sample lies.
        records: {shard: manifest's record}.
        run: contents of run.json.
    """

    columns: Mapping[str, Any]
    hashes: Any
    shard: IntArray
    row: IntArray
    records: Mapping[int, ShardRecord]
    run: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.shard)

    @property
    def fingerprint(self) -> str:
        """sha256 of the shards that the table is of: another set of shards, another fingerprint."""
        lines = (f"{shard} {record.sha256}\n" for shard, record in sorted(self.records.items()))
        return digest("".join(lines).encode())


def read_samples(store: Store) -> SampleTable:
    """The figures of every committed sample.

    Raises:
        StoreError: not a run, or a shard that cannot be read or lacks a column.
        DataError: no shard is committed yet.
    """
    run = read_run(store)
    records = committed(store, DATA, str(run.get("config_hash")))
    if not records:
        raise DataError(f"{store.uri}: no shard of the dataset is there yet; `higan-cam run` makes them")
    parts = list(_parts(store, [records[shard] for shard in sorted(records)]))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["index"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    columns["score_change"] = columns["score_positive"] - columns["score_negative"]
    hashes, shard, row = (columns.pop(name) for name in ("image_hash", "shard", "row"))
    return SampleTable(columns, hashes, shard, row, records, run)


def _parts(store: Store, records: list[ShardRecord]) -> Iterator[dict[str, Any]]:
    """The small columns of each shard; at most a few shards are in memory at once."""
    with ThreadPoolExecutor(_AHEAD) as pool:
        for start in range(0, len(records), _AHEAD):
            yield from pool.map(lambda record: _part(store, record), records[start : start + _AHEAD])


def _part(store: Store, record: ShardRecord) -> dict[str, Any]:
    table = read_shard(store, record, (*_COLUMNS, "regions"))
    columns: dict[str, Any] = {name: table[name].to_numpy().astype(np.float64) for name in FIGURES}
    return {
        **columns,
        "index": table["index"].to_numpy(),
        "reached": table["reached"].to_numpy().astype(np.float64),
        "regions": pc.list_value_length(table["regions"]).to_numpy().astype(np.int64),
        "status": table["status"].to_numpy().astype(str),
        "split": np.full(table.num_rows, split_of(record.path)),
        "image_hash": _bytes(table["image_hash"], store, record),
        "shard": np.full(table.num_rows, record.shard, np.int64),
        "row": np.arange(table.num_rows, dtype=np.int64),
    }


def _bytes(hashes: pa.ChunkedArray, store: Store, record: ShardRecord) -> Any:
    try:
        body = bytes.fromhex("".join(hashes.to_pylist()))
        return np.frombuffer(body, np.uint8).reshape(len(hashes), 32)
    except (TypeError, ValueError) as error:
        raise StoreError(f"{store.uri}: {record.path}: image_hash is not 64 hexadecimal digits everywhere") from error
