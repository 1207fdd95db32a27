"""Training a translator on a tiny scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.losses import Losses, Parts, make_losses
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.patches import PatchDiscriminator
from higan_cam.train.settings import Progress, World
from higan_cam.train.translator import fit
from higan_cam.train.translator.fit import Steps, fit_translator, pictures_of, start
from higan_cam.train.translator.pairs import Batch, Pairs, StoredPairs
from higan_cam.train.translator.reading import read_pairs
from higan_cam.train.translator.settings import TranslatorSettings

Settings = Callable[..., TranslatorSettings]


def ignore(_: Progress) -> None:
    """Nobody watches."""


def pairs_of(settings: TranslatorSettings) -> Pairs:
    return StoredPairs(read_pairs(settings).train, settings.curve, settings.seed, settings.dial, settings.mirror)


def stop_after_a_checkpoint(settings: TranslatorSettings, state: dict[str, Any]) -> None:
    save_checkpoint(settings, state)
    raise KeyboardInterrupt


@pytest.mark.parametrize("changes", [{"precision": "bfloat16"}, {"adversarial": 0.01, "dial": True, "mirror": True}])
def test_resuming_gives_the_same_weights(
    changes: dict[str, Any], small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small(output=str(tmp_path / "whole"), **changes)
    whole = fit_translator(settings, pairs_of(settings), ignore).state_dict()
    cut = small(output=str(tmp_path / "cut"), **changes)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop_after_a_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            fit_translator(cut, pairs_of(cut), ignore)
    assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == 2
    resumed = fit_translator(cut, pairs_of(cut), ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def test_a_checkpoint_of_other_pairs_is_refused_and_one_of_a_moved_run_is_not(small: Settings) -> None:
    settings = small(images=4, pairs="one")
    pairs = pairs_of(settings)
    fit_translator(settings, pairs, ignore)
    with pytest.raises(ConfigError, match="pairs"):
        fit_translator(small(images=4, pairs="two"), pairs, ignore)
    fit_translator(small(images=4, pairs="one", datasets=("memory://elsewhere/run",)), pairs, ignore)


def test_workers_share_a_batch_and_see_all_of_it(small: Settings) -> None:
    settings, seen = small(batch=4, images=4), list[range]()

    class Noted:
        def draw(self, places: range) -> Batch:
            seen.append(places)
            return pairs_of(settings).draw(places)

    fit_translator(settings, Noted(), ignore)
    assert seen == [range(4)]
    with pytest.raises(ConfigError, match="does not divide by 3 workers"):
        fit_translator(settings, Noted(), ignore, World(size=3))


def test_a_step_computes_on_the_device_of_its_world(small: Settings) -> None:
    """On the device without numbers, where an operation with a tensor of another device fails."""
    settings, world = small(adversarial=0.1, dial=True), World(device="meta")
    steps = Steps(settings, start(settings, world.device), world)
    assert steps.take(pairs_of(settings).draw(range(4))).device.type == "meta"


@pytest.mark.parametrize("response", ["srgb", "film"])
def test_the_true_light_makes_the_true_picture_and_costs_nothing(response: str, small: Settings) -> None:
    settings = small(response=response)
    batch = pairs_of(settings).draw(range(4))
    made, true = pictures_of(settings, batch, batch.light)
    assert torch.equal(made, true)
    none, _ = pictures_of(settings, batch, torch.zeros_like(batch.light))
    assert torch.allclose(none, (batch.pictures + 1) / 2, atol=1e-4)
    assert float((true - none).amax()) > 0.5


def test_named_losses_and_a_judge_add_to_the_loss(small: Settings) -> None:
    def loss(**changes: Any) -> float:
        settings = small(**changes)
        return float(Steps(settings, start(settings), World()).take(pairs_of(settings).draw(range(4))))

    plain = loss(linear=0.0)
    assert loss() > plain
    assert loss(linear=0.0, losses=(("pixel", 1.0),)) > plain
    assert loss(linear=0.0, adversarial=0.1) > plain
    with pytest.raises(ConfigError, match="losses"):
        loss(losses=(("pixle", 1.0),))


def test_networks_of_losses_go_to_the_workers_device(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def noted(weights: Mapping[str, float], parts: Parts) -> Losses:
        asked.append(parts.device)
        return make_losses(weights)

    monkeypatch.setattr(fit, "make_losses", noted)
    settings = small(losses=(("pixel", 1.0),))
    Steps(settings, start(settings, "meta"), World(device="meta"))
    assert asked == ["meta"]


def test_a_judge_looks_at_patches_of_one_picture_at_a_time() -> None:
    torch.manual_seed(0)
    judge, shown = PatchDiscriminator(), torch.rand(3, 7, 64, 48)
    logits = judge(shown)
    assert logits.shape == (3, 1, 8, 6)
    assert torch.allclose(judge(shown[1:2]), logits[1:2], atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"side": 15}, "side"),
        ({"apart": 0.0}, "apart"),
        ({"norm": "batch"}, "norm"),
        ({"precision": "float16"}, "precision"),
        ({"response": "gamma"}, "response"),
        ({"adversarial": -1.0}, "adversarial"),
        ({"images": 0}, "images"),
        ({"kind": "folders"}, "datasets"),
    ],
)
def test_settings_that_would_fail_later_are_refused(changes: dict[str, Any], said: str, small: Settings) -> None:
    with pytest.raises(ConfigError, match=said):
        small(**changes)
