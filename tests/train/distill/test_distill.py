"""Distillation on a tiny scale: it learns, and an interruption changes nothing."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.rooms import render
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.distill import distill as module
from higan_cam.train.distill import trainee, whitening
from higan_cam.train.distill.distill import distill, distillation_loss
from higan_cam.train.distill.latents import as_tensor, held_out_latents
from higan_cam.train.distill.settings import DistillSettings, Stage
from higan_cam.train.distill.trainee import build_generator, linear_patterns, targets
from higan_cam.train.distill.whitening import measure_whitening
from higan_cam.train.distill.worlds import toy_world
from higan_cam.train.settings import Progress, World

pytestmark = pytest.mark.usefixtures("few_patterns")
ROOMS = toy_world("rooms")
TWO_STAGES = (Stage(resolution=8, steps=4, batch=4), Stage(resolution=16, steps=4, batch=4))


def ignore(_: Progress) -> None:
    """Nobody watches."""


def settings_in(folder: Path, stages: tuple[Stage, ...] = TWO_STAGES) -> DistillSettings:
    return DistillSettings(output=str(folder), channels=(6, 6, 4), stages=stages, checkpoint_every=2, held_out=8)


def interrupt_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C as soon as the count-th checkpoint is on disk."""
    left = iter(range(count - 1, -1, -1))

    def save_then_stop(settings: DistillSettings, state: dict[str, Any]) -> None:
        save_checkpoint(settings, state)
        if next(left) == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "save_checkpoint", save_then_stop)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainee, "PATTERN_PICTURES", 192)
        patch.setattr(whitening, "SAMPLES", 2000)
        return distill(settings_in(tmp_path_factory.mktemp("whole")), ignore).state_dict()


@pytest.mark.parametrize("checkpoint", [1, 2, 3, 4])
def test_resuming_from_any_checkpoint_gives_the_same_weights(
    checkpoint: int, uninterrupted: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(checkpoint, patch)
        with pytest.raises(KeyboardInterrupt):
            distill(settings_in(tmp_path), ignore)
    resumed = distill(settings_in(tmp_path), ignore).state_dict()
    assert resumed.keys() == uninterrupted.keys()
    assert [key for key in resumed if not torch.equal(resumed[key], uninterrupted[key])] == []


def test_a_finished_run_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = distill(settings_in(tmp_path), ignore).state_dict()
    monkeypatch.setattr(module, "_step", lambda *_: pytest.fail("a step was taken"))
    again = distill(settings_in(tmp_path), ignore).state_dict()
    assert all(torch.equal(again[key], value) for key, value in first.items())


def test_a_step_computes_on_the_device_of_its_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device without numbers, where an operation with a tensor of another device fails."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which does not know that device
    settings, world = settings_in(tmp_path), World(device="meta")
    learner = trainee.start_stage(settings, 0, {}, world.device)
    whitening = measure_whitening(build_generator(settings.channels, 8, ROOMS)).to(world.device)
    assert module._step(settings, learner, whitening, world, 0).device.type == "meta"


@torch.no_grad()
def held_out_loss(generator: StyleGAN2) -> float:
    z = held_out_latents(32)
    return float(distillation_loss(generator(as_tensor(z)), *targets(z, generator.resolution, 3.0, ROOMS)))


def test_the_loss_on_unseen_rooms_falls(tmp_path: Path) -> None:
    lines: list[Progress] = []
    losses = []
    for steps in (1, 60):
        stage = Stage(resolution=16, steps=steps, batch=8, learning_rate=0.05)
        losses.append(held_out_loss(distill(settings_in(tmp_path / str(steps), (stage,)), lines.append)))
    assert losses[1] < 0.8 * losses[0]
    assert [(line.stage, line.step, line.of) for line in lines] == [("16px", 50, 60)]
    assert np.isfinite(lines[0].metrics["loss"])


def test_loss_is_zero_only_for_the_render_and_counts_fixtures_more() -> None:
    z = held_out_latents(12)
    image, plain = targets(z, 32, 0.0, ROOMS)
    _, weight = targets(z, 32, 3.0, ROOMS)
    assert float(distillation_loss(image, image, weight)) == 0.0
    shifted = image + 0.1
    assert float(distillation_loss(shifted, image, plain)) == pytest.approx(0.1 * 2, rel=1e-4)
    assert float(distillation_loss(shifted, image, weight)) > float(distillation_loss(shifted, image, plain))


def test_targets_are_renders_and_weights_start_at_one() -> None:
    z = held_out_latents(3)
    image, weight = targets(z, 64, 3.0, ROOMS)
    assert torch.equal(image, render(z, 64))
    assert weight.shape == (3, 1, 64, 64)
    assert weight.min() == 1
    assert weight.max() <= 4
    small, _ = targets(z, 16, 3.0, ROOMS)
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(image, 4))


def test_patterns_are_orthogonal_with_unit_deviation() -> None:
    patterns = linear_patterns(16, 5, ROOMS)
    assert patterns.shape == (5, 16, 16)
    torch.testing.assert_close(patterns.std(dim=(1, 2)), torch.ones(5))
    flat = torch.nn.functional.normalize(patterns.flatten(1), dim=1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(5), atol=1e-4, rtol=0)


def test_only_the_mapping_is_frozen() -> None:
    generator = build_generator((4, 4, 4), 16, ROOMS)
    frozen = {name.split(".")[0] for name, p in generator.named_parameters() if not p.requires_grad}
    assert frozen == {"mapping"}


def test_settings_that_would_fail_in_a_worker_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"channels: one number for each of the 3 sizes from 4 to 16 px, got \(6, 6\)"
    ):
        DistillSettings(output=str(tmp_path), channels=(6, 6), stages=TWO_STAGES)
    with pytest.raises(ConfigError, match="Did you mean 'faces'"):
        DistillSettings(output=str(tmp_path), world="face")
