"""Where a training run stands, in a file that is there whole or not at all, and that only the same run goes on from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from higan_cam.config import differing_fields
from higan_cam.errors import ConfigError
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.train.rooms.settings import DistillSettings
from higan_cam.train.scorer.settings import ScorerSettings

Settings = DistillSettings | InpaintSettings | ScorerSettings


def save_checkpoint(path: Path, settings: Settings, state: dict[str, Any]) -> None:
    """Write tensors and plain values, never half-done: a temporary file, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save({**state, "settings": _fingerprint(settings)}, temporary)
    temporary.replace(path)


def load_checkpoint(path: Path, settings: Settings) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, or None where there is nothing to resume.

    Raises:
        ConfigError: the checkpoint is of a run with other settings.
    """
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    theirs, ours = json.loads(state["settings"]), json.loads(_fingerprint(settings))
    lines = differing_fields(theirs, ours)
    if lines:
        raise ConfigError(f"{path} is of a run with other settings; choose another output:\n  " + "\n  ".join(lines))
    return state


def _fingerprint(settings: Settings) -> str:
    """Everything that decides the weights: the settings but for where they go and how often they are saved."""
    values = asdict(settings)
    for name in ("output", "dataset", "checkpoint_every", "held_out"):
        values.pop(name, None)
    return json.dumps(values, sort_keys=True)
