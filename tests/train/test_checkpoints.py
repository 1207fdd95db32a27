"""A checkpoint comes back whole, to the same run only."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.train.checkpoints import load_checkpoint, save_checkpoint
from higan_cam.train.scorer.settings import ScorerSettings


def test_checkpoints_come_back_and_leave_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoint.pt"
    settings = ScorerSettings(output=str(tmp_path))
    assert load_checkpoint(path, settings) is None
    for step in (1, 2):
        save_checkpoint(path, settings, {"step": step, "weights": {"a": torch.arange(3)}})
    state = load_checkpoint(path, replace(settings, output="elsewhere", checkpoint_every=7))
    assert state is not None
    assert state["step"] == 2
    assert torch.equal(state["weights"]["a"], torch.arange(3))
    assert [found.name for found in path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_of_other_settings_is_refused_and_the_field_named(tmp_path: Path) -> None:
    settings = ScorerSettings(output=str(tmp_path))
    save_checkpoint(tmp_path / "checkpoint.pt", settings, {"step": 1})
    with pytest.raises(ConfigError, match="seed: 1 there, 5 asked for"):
        load_checkpoint(tmp_path / "checkpoint.pt", replace(settings, seed=5))


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"step": print}, tmp_path / "checkpoint.pt")
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(tmp_path / "checkpoint.pt", ScorerSettings(output=str(tmp_path)))
