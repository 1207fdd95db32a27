"""Training an upscaler on a tiny scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.settings import Progress, World
from higan_cam.train.upscaler import fit
from higan_cam.train.upscaler.fit import Steps, fit_upscaler, losses_of, start
from higan_cam.train.upscaler.pictures import Large, large_of, read_pictures
from higan_cam.train.upscaler.settings import UpscalerSettings

Settings = Callable[..., UpscalerSettings]


def ignore(_: Progress) -> None:
    """Nobody watches."""


def pictures_of(settings: UpscalerSettings) -> Large:
    return large_of(settings, read_pictures(settings))


def stop_after_a_checkpoint(settings: UpscalerSettings, state: dict[str, Any]) -> None:
    save_checkpoint(settings, state)
    raise KeyboardInterrupt


@pytest.mark.parametrize("changes", [{}, {"adversarial": 0.01, "scale": 4}])
def test_resuming_gives_the_same_weights(
    changes: dict[str, Any], small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small(output=str(tmp_path / "whole"), **changes)
    whole = fit_upscaler(settings, pictures_of(settings), ignore).state_dict()
    cut = small(output=str(tmp_path / "cut"), **changes)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop_after_a_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            fit_upscaler(cut, pictures_of(cut), ignore)
    assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == 2
    resumed = fit_upscaler(cut, pictures_of(cut), ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def test_a_checkpoint_of_other_pictures_is_refused(small: Settings) -> None:
    settings = small(images=4, sha256="one")
    pictures = pictures_of(settings)
    fit_upscaler(settings, pictures, ignore)
    with pytest.raises(ConfigError, match="sha256"):
        fit_upscaler(small(images=4, sha256="two"), pictures, ignore)
    fit_upscaler(small(images=4, sha256="one", pictures="elsewhere"), pictures, ignore)


def test_workers_share_a_batch_and_see_all_of_it(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, seen = small(batch=4, images=4), list[range]()

    class Noted:
        def draw(self, places: range) -> Tensor:
            seen.append(places)
            return pictures_of(settings).draw(places)

    fit_upscaler(settings, Noted(), ignore)
    assert seen == [range(4)]
    monkeypatch.setattr(Steps, "take", lambda *_: torch.zeros(()))
    monkeypatch.setattr(fit, "train", lambda _settings, _learner, step, *_: step(2))
    for rank in (0, 1):
        fit_upscaler(settings, Noted(), ignore, World(rank=rank, size=2))
    assert seen[1:] == [range(8, 10), range(10, 12)]
    with pytest.raises(ConfigError, match="does not divide by 3 workers"):
        fit_upscaler(settings, Noted(), ignore, World(size=3))


def test_named_losses_and_a_judge_add_to_the_loss(small: Settings) -> None:
    def loss(**changes: Any) -> float:
        settings = small(**changes)
        return float(Steps(settings, start(settings), World()).take(pictures_of(settings).draw(range(4))))

    plain = loss()
    assert loss(losses=(("absolute", 1.0), ("pixel", 1.0))) > plain
    assert loss(adversarial=0.1) > plain


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ((("pixle", 1.0),), "Did you mean 'pixel'"),
        ((("dice", 1.0),), r"losses\.dice: compares masks"),
        ((("code", 1.0),), "looks at w_plus"),
        ((("features:vgg16", 1.0),), "needs the file of torchvision's VGG16"),
    ],
)
def test_losses_that_need_more_than_pictures_are_refused(losses: Any, said: str, small: Settings) -> None:
    with pytest.raises(ConfigError, match=said):
        losses_of(small(losses=losses))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scale": 3}, "scale"),
        ({"kernel": "nearest"}, "kernel"),
        ({"side": 30}, "side: must divide by 8 px"),
        ({"side": 48, "pictures": "rooms"}, "side: must divide by 32 px"),
        ({"apart": 1.0}, "apart"),
        ({"adversarial": -1.0}, "adversarial"),
        ({"images": 0}, "images"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_would_fail_later_are_refused(changes: dict[str, Any], said: str, small: Settings) -> None:
    with pytest.raises(ConfigError, match=said):
        small(**changes)
