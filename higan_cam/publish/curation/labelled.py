"""Samples as a labeller sees them: probabilities of the originals, as one more figure of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from higan_cam.publish.curation.table import SampleTable
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import read_batches
from higan_cam.store.store import Store
from higan_cam.types import ByteArray, FloatArray

PROBABILITY = "probability"
_AT_ONCE = 32


@dataclass(frozen=True)
class Labeller:
    """What curation needs of one.

    Attributes:
        probability: (N,H,W,3) uint8 -> (N,) probabilities of label 1.
        expected: {rule: what held-out labels say of it}: `words`, and the figures behind them.
    """

    probability: Callable[[ByteArray], FloatArray]
    expected: Mapping[str, Mapping[str, Any]]


def with_probabilities(store: Store, table: SampleTable, labeller: Labeller) -> SampleTable:
    """The table with the column `probability`, NaN where a sample has no original.

    Raises:
        StoreError: a shard cannot be read.
    """
    found = np.full(len(table), np.nan)
    place = {int(index): row for row, index in enumerate(table.columns["index"])}
    for _, record in sorted(table.records.items()):
        for rows in read_batches(store, record, ("index", "original"), _AT_ONCE):
            shown = [row for row in rows if row["original"] is not None]
            if shown:
                pictures = np.stack([decode_image(row["original"]["bytes"]) for row in shown])
                found[[place[row["index"]] for row in shown]] = labeller.probability(pictures)
    return replace(table, columns={**table.columns, PROBABILITY: found})
