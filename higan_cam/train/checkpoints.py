"""Where a training run stands, in a file that is there whole or not at all, and that only the same run goes on from."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import torch
from torch import nn

from higan_cam.config import differing_fields
from higan_cam.errors import ConfigError
from higan_cam.store import open_store
from higan_cam.store.places.local import LocalBackend
from higan_cam.train.settings import Settings

CHECKPOINT = "checkpoint.pt"
Part = nn.Module | torch.optim.Optimizer


def save_checkpoint(settings: Settings, state: Mapping[str, Any]) -> None:
    """Write tensors and plain values to `settings.output`, a folder or an object store's URI, never half-done.

    One process writes there. So what a killed one left of a checkpoint that it was writing is nobody's, and goes.

    Raises:
        StoreError: it cannot be written.
    """
    body = io.BytesIO()
    torch.save({**state, "settings": _fingerprint(settings)}, body)
    store = open_store(settings.output)
    if isinstance(store.backend, LocalBackend):
        for unfinished in Path(store.root).glob(f".{CHECKPOINT}.*.tmp"):
            unfinished.unlink(missing_ok=True)
    store.put(CHECKPOINT, body.getvalue())


def load_checkpoint(settings: Settings) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, on the CPU, or None where there is nothing to resume.

    Raises:
        ConfigError: the checkpoint is of a run with other settings. StoreError: it cannot be read.
    """
    store = open_store(settings.output)
    body = store.find(CHECKPOINT)
    if body is None:
        return None
    path = f"{store.uri}/{CHECKPOINT}"
    state: dict[str, Any] = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    ours = json.loads(_fingerprint(settings))
    theirs = {**_usual(settings, ours), **json.loads(state["settings"])}
    lines = differing_fields(theirs, ours)
    if lines:
        raise ConfigError(f"{path} is of a run with other settings; choose another output:\n  " + "\n  ".join(lines))
    return state


class Parts:
    """What training changes, as a snapshot keeps it: the steps done, and networks and optimisers by name."""

    step: int

    @property
    def parts(self) -> Mapping[str, Part]:
        """{name: network or optimiser} that a snapshot holds."""
        raise NotImplementedError

    def snapshot(self) -> dict[str, Any]:
        """What `restore` needs: tensors and plain values."""
        return {"step": self.step, **{name: part.state_dict() for name, part in self.parts.items()}}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot, in place, wherever the parts compute."""
        self.step = saved["step"]
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])


def _usual(settings: Settings, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint that was written before a setting was there had in its place: its default, as JSON has it."""
    usual = {
        each.name: each.default
        for each in fields(cast(Any, settings))
        if each.name in known and each.default is not MISSING
    }
    found: dict[str, Any] = json.loads(json.dumps(usual, default=asdict))
    return found


N = TypeVar("N", bound=nn.Module)


@dataclass
class Learner(Parts, Generic[N]):
    """A network, its optimiser and the steps done."""

    network: N
    optimizer: torch.optim.Optimizer
    step: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the step."""
        return {"network": self.network, "optimizer": self.optimizer}


@dataclass
class AveragedLearner(Parts, Generic[N]):
    """The weights that move, their moving average, which ships, the optimiser and the steps done."""

    current: N
    averaged: N
    optimizer: torch.optim.Optimizer
    step: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the step."""
        return {"current": self.current, "averaged": self.averaged, "optimizer": self.optimizer}


def _fingerprint(settings: Settings) -> str:
    """Everything that decides the weights: the settings but for where they go and how often they are saved.

    And but for where a trainer's files lie whose digests are settings as well: its `PLACES`.
    """
    values = asdict(settings)
    usual = ("output", "dataset", "datasets", "labelled", "checkpoint_every", "held_out")
    for name in (*usual, *getattr(settings, "PLACES", ())):
        values.pop(name, None)
    return json.dumps(values, sort_keys=True)
