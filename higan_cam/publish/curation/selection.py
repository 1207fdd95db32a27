"""Curation: which samples of a run to train on, as a selection beside the dataset.

A committed shard never changes, and what is good enough depends on the training, so curation writes no shard and drops
no sample: it writes `curation/<name>.parquet` (index, kept, rule, duplicate_of) and `curation/<name>.json` (the rules,
what each of them dropped, and which shards were judged). Exports and loaders apply a selection by name. Several may lie
side by side; the rules are no part of the run's identity. The same shards and rules give the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.config import CurationConfig
from higan_cam.errors import ConfigError, StoreError, unknown_name
from higan_cam.publish.curation.labelled import Labeller, with_probabilities
from higan_cam.publish.curation.rules import RULES, Judgement, apply_rules
from higan_cam.publish.curation.table import SampleTable, read_samples
from higan_cam.publish.dataset import write_parquet
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.keys import CURATION, selection_keys
from higan_cam.store.store import Store
from higan_cam.types import BoolArray, IntArray

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ROW_GROUP = 100_000


@dataclass(frozen=True, kw_only=True)
class CurationSummary:
    """What a selection kept and what it dropped, and why.

    Attributes:
        name: of the selection.
        rules: the configuration that it applied.
        samples, kept: how many were judged, and how many stay.
        dropped: {rule: samples}, each sample under the first rule that it breaks.
        levels: {level word: [before balancing, kept]}; empty where levels are not balanced.
        shards: data shards that were judged; fingerprint: sha256 over their digests.
        sha256: of the selection's Parquet object.
        expected: {rule: what held-out labels say of it (`curation.labelled.Labeller`)}; empty without a labeller.
    """

    name: str
    rules: Mapping[str, Any]
    samples: int
    kept: int
    dropped: Mapping[str, int]
    levels: Mapping[str, list[int]]
    shards: int
    fingerprint: str
    sha256: str
    expected: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """(rule in words, samples dropped by it), in the order in which the rules apply."""
        return [(rule_words(name, self.rules), self.dropped[name]) for name in RULES if name in self.dropped]


@dataclass(frozen=True, eq=False)
class Selection:
    """Which samples stay.

    Attributes:
        name, sha256: of the selection and of its object.
        index: (n,) every judged sample, rising.
        kept: (n,) whether it stays.
        fingerprint: of the shards that were judged (see `SampleTable.fingerprint`).
        expected: what held-out labels say of its filters by probability, in words.
    """

    name: str
    sha256: str
    index: IntArray
    kept: BoolArray
    fingerprint: str
    expected: tuple[str, ...] = ()

    def keeps(self, indices: IntArray) -> BoolArray:
        """(m,) sample indices -> (m,) whether each stays.

        Raises:
            StoreError: for a sample that was not judged, because its shard came later.
        """
        place = np.minimum(np.searchsorted(self.index, indices), max(0, len(self.index) - 1))
        unknown = np.flatnonzero(self.index[place] != indices) if len(self.index) else np.arange(len(indices))
        if len(unknown):
            raise StoreError(
                f"selection {self.name!r} has not judged sample {indices[unknown[0]]}: the run has grown since; "
                f"run `higan-cam curate` with --name {self.name} again"
            )
        return np.asarray(self.kept[place])


def curate(
    store: Store,
    rules: CurationConfig,
    *,
    score_range: tuple[float, float] | None = None,
    name: str = DEFAULT,
    table: SampleTable | None = None,
    labeller: Labeller | None = None,
) -> CurationSummary:
    """Judge every committed sample of a run and leave the selection in its output.

    Args:
        store: output directory of the run.
        rules: what to keep.
        score_range: of the scorer; needed where levels are balanced.
        name: of the selection; one of that name is replaced.
        table: the run's figures where they are read already.
        labeller: the one that the rules name.

    Raises:
        ConfigError: for a name that is no file name, levels to balance without a score range, or no labeller where the
            rules name one.
        DataError: no shard is committed yet.
        StoreError: not a run, or the store fails.
    """
    check_name(name)
    if rules.balance is not None and score_range is None:
        raise ConfigError("curation.balance: the levels are steps of the scorer's range, which is not known here")
    _check_labeller(rules, labeller)
    table = read_samples(store) if table is None else table
    table = table if labeller is None else with_probabilities(store, table, labeller)
    words = table.run["config"]["publish"]["captions"]["levels"]
    seed = int(table.run["seed"])
    judgement = apply_rules(table, rules, seed=seed, score_range=score_range or (0.0, 1.0), levels=len(words))
    body = _encode(table, judgement)
    summary = CurationSummary(
        name=name,
        rules=rules.model_dump(mode="json"),
        samples=len(table),
        kept=int(judgement.kept.sum()),
        dropped=judgement.dropped(rules),
        levels={words[level]: list(counts) for level, counts in judgement.levels.items()},
        shards=len(table.records),
        fingerprint=table.fingerprint,
        sha256=digest(body),
        expected={} if labeller is None else labeller.expected,
    )
    # The summary decides: it names the digest of what was written before it.
    table_key, key = selection_keys(name)
    store.put(table_key, body)
    store.put(key, canonical_json(asdict(summary)))
    return summary


def read_summaries(store: Store) -> list[CurationSummary]:
    """Every selection of a run, by name."""
    bodies = store.find_many(key for key in store.list(CURATION) if key.endswith(".json"))
    return [_summary(store, key, bodies[key]) for key in sorted(bodies)]


def load_selection(store: Store, name: str) -> Selection:
    """A selection by name.

    Raises:
        ConfigError: there is none of that name; names those that are there.
        StoreError: its two objects do not fit together.
    """
    check_name(name)
    table_key, key = selection_keys(name)
    body_of_summary = store.find(key)
    if body_of_summary is None:
        known = [summary.name for summary in read_summaries(store)]
        if not known:
            raise ConfigError(f"{store.uri} has no selection; make one with: higan-cam curate {shlex.quote(store.uri)}")
        raise unknown_name("selection", name, known)
    summary = _summary(store, key, body_of_summary)
    body = store.get(table_key)
    if digest(body) != summary.sha256:
        raise StoreError(f"{store.uri}: {table_key} is not the one that {key} names; curate again")
    table = pq.read_table(io.BytesIO(body))
    index, kept = (table[column].to_numpy() for column in ("index", "kept"))
    expected = tuple(f"{rule}: {told['words']}" for rule, told in sorted(summary.expected.items()))
    return Selection(name, summary.sha256, index, kept, summary.fingerprint, expected)


def _check_labeller(rules: CurationConfig, labeller: Labeller | None) -> None:
    bounds = (rules.min_probability, rules.max_probability)
    if (rules.labeller is None) != (bounds == (None, None)):
        raise ConfigError(
            "curation.labeller goes with min_probability or max_probability; give both, or leave both null"
        )
    if rules.labeller is not None and labeller is None:
        raise ConfigError(f"curation.labeller: {rules.labeller} is not loaded here; `higan-cam curate` does that")


def check_name(name: str) -> None:
    """Refuse what cannot be a file name everywhere."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"selection: a name is up to 64 letters, digits, '-' or '_', got {name!r}")


def rule_words(name: str, rules: Mapping[str, Any]) -> str:
    """A rule with its value, as people say it: `retention below 0.5`."""
    value = rules[name]
    if name == "duplicate_distance":
        return f"near duplicate of a kept sample (at most {value} of 256 bits differ)"
    if name == "balance":
        return f"level too frequent (more than {value:g} x the rarest, by {rules['balance_by']})"
    bound, _, column = name.partition("_")
    return f"{column.replace('_', ' ')} {'below' if bound == 'min' else 'above'} {value:g}"


def _encode(table: SampleTable, judgement: Judgement) -> bytes:
    names = np.array([*RULES, ""])
    repeats = judgement.duplicate_of >= 0
    columns = {
        "index": pa.array(table.columns["index"], pa.int64()),
        "kept": pa.array(judgement.kept),
        "rule": pa.array(names[judgement.rule].tolist(), pa.string()),
        "duplicate_of": pa.array(judgement.duplicate_of, pa.int64(), mask=~repeats),
    }
    return write_parquet(pa.table(columns), _ROW_GROUP)


def _summary(store: Store, key: str, body: bytes) -> CurationSummary:
    try:
        return CurationSummary(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise StoreError(f"{store.uri}: {key} is not a summary of this version ({error}); curate again") from error
