"""A checkpoint comes back whole, to the same run only."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from higan_cam.errors import ConfigError
from higan_cam.train.checkpoints import Parts, load_checkpoint, save_checkpoint
from higan_cam.train.scorer.settings import ScorerSettings


def test_checkpoints_come_back_and_leave_nothing_else(tmp_path: Path) -> None:
    settings = ScorerSettings(output=str(tmp_path / "new"))
    assert load_checkpoint(settings) is None
    for step in (1, 2):
        save_checkpoint(settings, {"step": step, "weights": {"a": torch.arange(3)}})
    state = load_checkpoint(replace(settings, checkpoint_every=7, held_out=5))
    assert state is not None
    assert state["step"] == 2
    assert torch.equal(state["weights"]["a"], torch.arange(3))
    assert [found.name for found in (tmp_path / "new").iterdir()] == ["checkpoint.pt"]


def test_a_run_that_has_moved_goes_on(tmp_path: Path) -> None:
    save_checkpoint(ScorerSettings(output=str(tmp_path / "there")), {"step": 3})
    (tmp_path / "there").rename(tmp_path / "here")
    assert (load_checkpoint(ScorerSettings(output=str(tmp_path / "here"))) or {})["step"] == 3


def test_a_checkpoint_of_other_settings_is_refused_and_the_field_named(tmp_path: Path) -> None:
    settings = ScorerSettings(output=str(tmp_path))
    save_checkpoint(settings, {"step": 1})
    with pytest.raises(ConfigError, match="seed: 1 there, 5 asked for"):
        load_checkpoint(replace(settings, seed=5))


def test_a_checkpoint_from_before_a_setting_was_there_goes_on_with_its_default(tmp_path: Path) -> None:
    settings = ScorerSettings(output=str(tmp_path))
    save_checkpoint(settings, {"step": 1})
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    known = json.loads(state["settings"])
    del known["width"]
    torch.save({**state, "settings": json.dumps(known)}, tmp_path / "checkpoint.pt")
    assert (load_checkpoint(settings) or {})["step"] == 1
    with pytest.raises(ConfigError, match=r"width: .* there, 5 asked for"):
        load_checkpoint(replace(settings, width=5))


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"step": print}, tmp_path / "checkpoint.pt")
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(ScorerSettings(output=str(tmp_path)))


class Two(Parts):
    """Two networks."""

    def __init__(self, step: int) -> None:
        self.step, self.networks = step, {name: nn.Linear(2, 2) for name in ("left", "right")}

    @property
    def parts(self) -> dict[str, nn.Linear]:
        return self.networks


def test_parts_take_over_the_states_under_their_own_names() -> None:
    old, new = Two(4), Two(0)
    new.restore(old.snapshot())
    assert new.step == 4
    assert all(torch.equal(new.parts[name].weight, old.parts[name].weight) for name in old.parts)
