"""A finished run as the exports see it: its shards, what is missing, its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from higan_cam.errors import StoreError
from higan_cam.publish.reading import OpenShard
from higan_cam.store.keys import CARD_KEY, DATA, RUN_KEY, shard_place
from higan_cam.store.manifest import committed, quarantined
from higan_cam.store.run import planned_samples, read_run
from higan_cam.store.store import Store
from higan_cam.types import BoolArray, ShardRecord


@dataclass(frozen=True)
class SourceShard:
    """One committed shard of a run, and its place in the dataset.

    Attributes:
        record: the manifest's entry.
        split: train, validation or test.
        number: its number within the split, from 0.
        of: shards of the split when the run is finished.
    """

    record: ShardRecord
    split: str
    number: int
    of: int


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a shard that are exported: one at a time, as often as asked, since a photograph is large.

    Attributes:
        shard: where they are.
        kept: which of its rows they are.
        names: {column as formats call it: as the shard does}, where the two differ.
    """

    shard: OpenShard
    kept: BoolArray
    names: Mapping[str, str]

    def __call__(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """{column: value} of each."""
        theirs = {name: self.names.get(name, name) for name in columns}
        batches = self.shard.batches(tuple(dict.fromkeys(theirs.values())), 1)
        for keep, (row,) in zip(self.kept, batches, strict=True):
            if keep:
                yield {name: row[column] for name, column in theirs.items()}


@dataclass(frozen=True)
class Source:
    """A run to read from.

    Attributes:
        store: its output directory.
        run: contents of run.json.
        shards: what is committed, by shard number.
        missing: shard numbers that are planned and not committed.
        given_up: those of them that are quarantined.
        card: the dataset card, "" where the run has none yet.
    """

    store: Store
    run: Mapping[str, Any]
    shards: tuple[SourceShard, ...]
    missing: tuple[int, ...]
    given_up: tuple[int, ...]
    card: str

    @property
    def config(self) -> Mapping[str, Any]:
        """The run's configuration."""
        config: Mapping[str, Any] = self.run["config"]
        return config


def open_source(store: Store) -> Source:
    """The run in an output directory, finished or not.

    Raises:
        StoreError: it is not a run, or cannot be read.
    """
    run = read_run(store)
    records = committed(store, DATA, str(run.get("config_hash")))
    planned = _planned(store, run["config"])
    missing = tuple(shard for shard in range(planned) if shard not in records)
    given_up = tuple(shard for shard in (quarantined(store, DATA) if missing else {}) if shard in missing)
    shards = tuple(_placed(store, records[shard]) for shard in sorted(records))
    return Source(store, run, shards, missing, given_up, (store.find(CARD_KEY) or b"").decode())


def _planned(store: Store, config: Mapping[str, Any]) -> int:
    """Number of data shards when the run is finished."""
    try:
        size = int(config["mask"]["shard_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{store.uri}/{RUN_KEY}: config.mask has no shard_size; was it edited?") from error
    return -(-planned_samples(store, config) // size)


def _placed(store: Store, record: ShardRecord) -> SourceShard:
    place = shard_place(record.path)
    if place is None:
        raise StoreError(f"{store.uri}: {record.path} is not named data/SPLIT-00000-of-00000.parquet; was it renamed?")
    return SourceShard(record, place.split, place.number, place.of)
