"""A run of several attributes (`config.attributes`): labels of all from one look at each image.

The generator is what labelling costs. Here a worker draws a unit's images once, scores them by every attribute's scorer
and commits one score shard to each attribute's own run, with the bytes that run would have made alone. What is left out
(a unit that fails, a scorer that does) each run's own label stage makes up for, with that run's tries and quarantine.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any, cast

import numpy as np
from torch import nn

from higan_cam.config import RunConfig, config_hash
from higan_cam.label import make_scorers
from higan_cam.pipeline import label_by_all
from higan_cam.runtime.crew.ledger import Verdict
from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.plan import plan_label
from higan_cam.runtime.progress import Meters
from higan_cam.runtime.stages.label import label_missing
from higan_cam.runtime.workers.commit import Work, commit_scores
from higan_cam.runtime.workers.label import GIVEN_UP, LabelWorker
from higan_cam.runtime.workers.memory import within_memory
from higan_cam.store import Store, committed, open_store
from higan_cam.store.keys import SCORES
from higan_cam.types import WorkUnit


class SharedLabelWorker(LabelWorker):
    """Ray Data actor: a row with a unit's number -> score shards of every run; the driver hears of the first's.

    Args:
        config: of the first run.
        others: of the others, which differ in the scorer alone as far as labels go.
        there: shards that each run had when the stage began, the first run's first.
    """

    quarantines = False

    def __init__(
        self,
        config: RunConfig,
        device: str,
        ledger: Any,
        others: Sequence[RunConfig],
        there: Sequence[Collection[int]],
    ) -> None:
        self.others, self.there = others, there
        super().__init__(config, device, ledger)

    def load(self) -> None:
        """The first run's networks, the others' scorers and stores."""
        super().load()
        others = [(other, open_store(other.output, other.store)) for other in self.others]
        self.runs = [(self.config, self.store), *others]
        first = self.models.scorer
        self.scorers = [first, *make_scorers((other.scorer for other in self.others), [first])]
        for scorer in self.scorers:
            cast(nn.Module, scorer).to(self.device)

    def label(self, unit: WorkUnit, attempt: int, log: RunLog) -> dict[str, Any]:
        """One attempt: draw once, score by all, commit to each run, which counts its share of the time."""
        began = time.monotonic()
        (indices, scores), size = within_memory(
            self.config,
            "label",
            log,
            lambda config: phase("label", "score")(label_by_all)(self.models, self.scorers, config, unit),
        )
        seconds = (time.monotonic() - began) / len(self.runs)
        done = self.done(seconds, size)
        for (config, store), column, there in zip(self.runs, scores, self.there, strict=True):
            # One that was there before keeps its stats, which say on what device it was made.
            if unit.shard not in there:
                commit_scores(config, store, Work(unit, attempt, log), (indices, column), done)
        return {"index": indices, "score": scores[0]}

    def give_up(self, unit: WorkUnit, verdict: Verdict) -> dict[str, Any]:
        """Leave the unit to each run's own label stage."""
        self.log.of(shard=unit.shard).warning("left to each attribute, after %d failures", len(verdict.failures))
        return {"index": np.array([GIVEN_UP], np.int64), "score": np.array([np.nan], np.float32)}


def label_together(runs: Sequence[tuple[RunConfig, Store]], meters: Meters) -> None:
    """Label what one of the runs has not labelled yet; all of them have the same label section."""
    first = runs[0][0]
    done = [set(committed(store, SCORES, config_hash(config))) for config, store in runs]
    everywhere = set.intersection(*done)
    plan = plan_label(first)
    missing = [unit.shard for unit in plan if unit.shard not in everywhere]
    labelled = sum(len(unit.indices) for unit in plan if unit.shard in everywhere)
    settings = {"others": [config for config, _ in runs[1:]], "there": done}
    # Each run reads its own scores when its turn comes.
    label_missing(first, missing, labelled, meters, lambda *_: None, SharedLabelWorker, **settings)
