"""Training on unpaired pictures on a tiny scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.train import loop
from higan_cam.train.settings import World
from higan_cam.train.translator.unpaired import fit
from higan_cam.train.translator.unpaired.fit import Steps, fit_unpaired
from higan_cam.train.translator.unpaired.reading import Folders, read_folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.train.translator.unpaired.state import start
from tests.train.translator.test_fit import ignore, stop_after_a_checkpoint

Settings = Callable[..., UnpairedSettings]


def trained(settings: UnpairedSettings) -> dict[str, Any]:
    return fit_unpaired(settings, read_folders(settings), ignore).snapshot()


def tensors(state: Any, name: str = "") -> dict[str, Tensor]:
    """Every tensor of a snapshot, by where it lies."""
    if isinstance(state, Tensor):
        return {name: state}
    if not isinstance(state, dict | list):
        return {}
    rows = state.items() if isinstance(state, dict) else enumerate(state)
    return {key: value for place, each in rows for key, value in tensors(each, f"{name}.{place}").items()}


@pytest.mark.parametrize("changes", [{}, {"game": "non_saturating", "mirror": True, "precision": "bfloat16"}])
def test_resuming_gives_the_same_bytes_with_what_the_pools_hold(
    changes: dict[str, Any], small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tensors(trained(small(output=str(tmp_path / "whole"), **changes)))
    cut = small(output=str(tmp_path / "cut"), **changes)
    for step in (2, 4):  # once before the pools of 3 are full, and once after
        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_checkpoint", stop_after_a_checkpoint)
            with pytest.raises(KeyboardInterrupt):
                trained(cut)
        assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == step
    resumed = tensors(trained(cut))
    assert len([key for key in whole if key.endswith("pool.pictures")]) == 2
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def test_workers_share_a_batch_and_see_all_of_it(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, seen = small(batch=4), list[range]()
    folders = read_folders(settings)

    def noted(self: Folders, settings: UnpairedSettings, places: range) -> tuple[Tensor, Tensor]:
        seen.append(places)
        return torch.zeros(0), torch.zeros(0)

    monkeypatch.setattr(Folders, "draw", noted)
    monkeypatch.setattr(Steps, "take", lambda *_: torch.zeros(()))
    monkeypatch.setattr(fit, "train", lambda _settings, _learner, step, *_: step(2))
    for rank in (0, 1):
        fit_unpaired(settings, folders, ignore, World(rank=rank, size=2))
    assert seen == [range(8, 10), range(10, 12)]


def test_inverse_networks_have_no_cycle_loss(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = small(noise=0.0)
    steps = Steps(settings, start(settings), World())
    monkeypatch.setattr(steps, "lit", lambda shown: shown**0.5 + 0 * next(steps.learner.on.network.parameters()).sum())
    monkeypatch.setattr(steps, "unlit", lambda shown: shown**2)
    steps.take(0, *read_folders(settings).draw(settings, range(2)))
    found = steps.numbers(0)
    assert found["cycle"] == pytest.approx(0, abs=1e-5)
    assert found["identity"] > 0.1  # they do change pictures


@pytest.mark.parametrize("through", [False, True])
def test_the_way_back_teaches_the_network_that_leads_back_alone_unless_both_are_to_learn(
    through: bool, small: Settings
) -> None:
    settings = small(through=through)
    steps = Steps(settings, start(settings), World())
    shown = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    (led,) = steps._led_back(0, steps.lit(shown))
    (again,) = steps._led_back(0, steps.lit(shown))
    torch.testing.assert_close(led, again, msg="noise is the step's own")
    assert not torch.equal(steps._led_back(1, steps.lit(shown))[0], led)
    steps.unlit(led).sum().backward()
    moved = [direction.network.head.weight.grad is not None for direction in (steps.learner.on, steps.learner.off)]
    assert moved == [through, True]


def test_networks_and_discriminators_move_by_their_own_losses(small: Settings) -> None:
    settings = small(cycle=0.0, identity=0.0)
    learner = start(settings)
    before = {key: value.clone() for key, value in tensors(learner.snapshot()).items()}
    Steps(settings, learner, World()).take(0, *read_folders(settings).draw(settings, range(2)))
    after = tensors(learner.snapshot())
    for direction in ("on", "off"):
        for part in ("network.head.weight", "judge.0.weight", "pool.pictures"):
            assert not torch.equal(before[f".{direction}.{part}"], after[f".{direction}.{part}"]), (direction, part)
    with pytest.raises(ConfigError, match="does not divide by 3 workers"):
        fit_unpaired(settings, read_folders(settings), ignore, World(size=3))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"game": "wasserstein"}, "game: must be one of non_saturating, relativistic, least_squares"),
        ({"pool": -1}, "pool: must be >= 0"),
        ({"cycle": float("nan")}, "cycle"),
        ({"side": 15}, "side: must divide by 2"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_would_fail_later_are_refused(changes: dict[str, Any], said: str, small: Settings) -> None:
    with pytest.raises(ConfigError, match=said):
        small(**changes)
