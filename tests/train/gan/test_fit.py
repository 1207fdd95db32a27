"""Training a generator: resumed anywhere it ends in the same bytes, and any number of workers sees the same stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.gan import fit as module
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures, shown
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState, start
from higan_cam.train.gan.steps import Steps
from higan_cam.train.settings import Progress, World

Build = Callable[..., GanSettings]
VARIANTS = [
    ("dcgan", {"apart": 4, "mirror": True}),
    ("stylegan2", {"path_weight": 2.0, "path_every": 2, "augment": "diffaugment"}),
    ("stylegan2", {"loss": "relativistic", "augment": "classic"}),
    ("stylegan2", {"augment": "ada", "ada_kimg": 0.05}),
    ("stylegan2", {"precision": "bfloat16", "path_weight": 2.0, "path_every": 2}),
    ("dcgan", {"precision": "bfloat16"}),
]


def ignore(_: Progress) -> None:
    """Nobody watches."""


def save_then_stop(settings: GanSettings, state: dict[str, object]) -> None:
    save_checkpoint(settings, state)
    raise KeyboardInterrupt


def tensors(state: GanState) -> dict[str, Tensor]:
    parts = {"generator": state.generator, "discriminator": state.discriminator, "averaged": state.averaged}
    return {f"{part}.{name}": value for part, each in parts.items() for name, value in each.state_dict().items()}


@pytest.mark.parametrize(("network", "said"), VARIANTS)
def test_a_run_that_was_stopped_ends_in_the_same_bytes(
    network: str,
    said: dict[str, object],
    build: Build,
    pictures: Pictures,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = tensors(fit_gan(build(network, **said), pictures, ignore))
    cut = build(network, output=str(tmp_path / "cut"), **said)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_gan(cut, pictures, ignore)
    resumed = tensors(fit_gan(cut, pictures, ignore))
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []
    began = tensors(start(cut))
    assert not torch.equal(began["averaged." + moving(network)], whole["averaged." + moving(network)])


def moving(network: str) -> str:
    return "main.0.weight" if network == "dcgan" else "synthesis.layer0.weight"


@pytest.mark.parametrize("said", [{"gamma": 5.0}, {"apart": 8}])
def test_other_settings_do_not_go_on_from_a_checkpoint(
    said: dict[str, object], build: Build, pictures: Pictures
) -> None:
    fit_gan(build(), pictures, ignore)
    with pytest.raises(ConfigError, match=next(iter(said))):
        fit_gan(build(**said), pictures, ignore)


@pytest.mark.parametrize(("loss", "size"), [("non_saturating", 2), ("relativistic", 2), ("non_saturating", 4)])
def test_workers_together_take_the_step_of_one(
    loss: str, size: int, build: Build, pictures: Pictures, gradients: Callable[..., list[list[Tensor]]]
) -> None:
    """Each has its share of the batch: the mean of their gradients is the gradient of one who has it all."""
    settings = build(loss=loss, mixing=1.0, augment="diffaugment", batch=4 * size)

    alone, *each = (gradients(settings, pictures, world) for world in (World(), *(World(k, size) for k in range(size))))
    for one, *parts in zip(alone, *each, strict=True):
        for whole, *some in zip(one, *parts, strict=True):
            torch.testing.assert_close(torch.stack(some).mean(dim=0), whole, rtol=1e-4, atol=1e-6)


def test_every_picture_is_shown_once_before_any_comes_again(build: Build) -> None:
    settings = build()
    stream = np.concatenate([shown(settings, 12, first, 8) for first in range(0, 48, 8)])
    assert all(sorted(stream[start : start + 12]) == list(range(12)) for start in range(0, 48, 12))
    np.testing.assert_array_equal(shown(settings, 12, 5, 20), stream[5:25])


def test_progress_says_kimg_and_how_much_is_known_by_heart(build: Build, pictures: Pictures) -> None:
    told: list[Progress] = []
    fit_gan(build(images=200, batch=4, apart=4), pictures, told.append)
    assert told[-1].metrics["kimg"] == pytest.approx(0.2)
    assert np.isfinite(told[-1].metrics["by_heart"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("train", "held_out"), [(3, 4), (12, 3), (12, 0)])
def test_too_few_pictures_to_ask_about_leave_by_heart_untold(
    train: int, held_out: int, build: Build, pictures: Pictures
) -> None:
    few = replace(pictures, train=pictures.train[:train], held_out=pictures.held_out[:held_out])
    settings = build("dcgan")
    assert set(Steps(settings, start(settings), few, World()).numbers(1)) == {"kimg"}


def test_what_is_told_changes_nothing(
    build: Build, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = build("dcgan", apart=4)
    quiet = tensors(fit_gan(settings, pictures, ignore))
    monkeypatch.setattr(module, "Plan", lambda **said: loop.Plan(**said, report_every=1))
    loud = tensors(fit_gan(build("dcgan", apart=4, output=str(tmp_path / "loud")), pictures, ignore))
    assert [name for name in quiet if not torch.equal(quiet[name], loud[name])] == []


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"side": 24}, "side"),
        ({"images": 0}, "images"),
        ({"network": "vae"}, "network"),
        ({"augment": "cutmix"}, "augment"),
        ({"channels": (8,)}, "channels"),
        ({"mixing": 1.5}, "mixing"),
        ({"ada_kimg": 0.0}, "ada_kimg"),
        ({"precision": "float16"}, "precision"),
        ({"ada_target": 1.0}, "ada_target"),
        ({"network": "dcgan", "path_weight": 2.0}, "path_weight"),
        ({"gamma": -1.0}, "gamma"),
        ({"apart": 3}, "apart"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_cannot_be_are_named(said: dict[str, object], named: str, build: Build) -> None:
    network = str(said.pop("network", "stylegan2"))
    with pytest.raises(ConfigError, match=rf"^{named}: "):
        build(network, **said)


@pytest.mark.parametrize("name", ["property_weight", "gamma", "learning_rate", "ada_kimg"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_settings_are_finite_numbers(name: str, value: float) -> None:
    settings: dict[str, object] = {"output": "out", "pictures": "photos"}
    GanSettings(**settings)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"{name}: must be a finite number, got {value}"):
        GanSettings(**settings, **{name: value})  # type: ignore[arg-type]
