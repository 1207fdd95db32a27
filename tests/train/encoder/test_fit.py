"""Training an encoder on a tiny scale, of a generator with w and of one without."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.generate import from_uint8
from higan_cam.invert.encoder import Encoder, reduced
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.encoder import fit as module
from higan_cam.train.encoder.fit import Batch, encoder_loss, fit_encoder, samples_by_step
from higan_cam.train.encoder.samples import HELD_OUT_SEED, Samples, Source, draw_samples
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.settings import Progress, World
from tests.train.encoder.conftest import Build


def ignore(_: Progress) -> None:
    """Nobody watches."""


def save_then_stop(settings: EncoderSettings, state: dict[str, object]) -> None:
    save_checkpoint(settings, state)
    raise KeyboardInterrupt


@pytest.mark.parametrize("samples", [20, 0], ids=["kept", "new at every step"])
def test_resuming_gives_the_same_weights(
    samples: int, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit_encoder(build(output=str(tmp_path / "whole"), samples=samples), ignore).state_dict()
    cut = build(output=str(tmp_path / "cut"), samples=samples)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_encoder(cut, ignore)
    assert torch.load(tmp_path / "cut/checkpoint.pt", weights_only=True)["step"] == 3
    resumed = fit_encoder(cut, ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def gradients(settings: EncoderSettings, source: Source, number: int, world: World) -> list[Tensor]:
    """Of one worker at a step, from the first weights."""
    learner = module.start(settings, source)
    samples = samples_by_step(settings, source, ignore, world)(number)
    batch = module.batch_of(settings, samples, number, world)
    encoder_loss(settings, learner.current, source, batch, number % 2 == 0).backward()
    return [parameter.grad for parameter in learner.current.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("number", [0, 1], ids=["that draws", "that does not"])
def test_two_workers_take_the_step_of_one(
    number: int, build: Build, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.distributed.barrier", lambda: None)
    settings = build(again_weight=0.3)
    alone = gradients(settings, source, number, World())
    first, second = (gradients(settings, source, number, World(rank, 2)) for rank in range(2))
    assert len(alone) == len(first)
    for whole, one, other in zip(alone, first, second, strict=True):
        torch.testing.assert_close((one + other) / 2, whole, atol=1e-5, rtol=1e-3)


def test_a_step_computes_on_the_device_of_its_world(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device without numbers, where an operation with a tensor of another device fails."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which does not know that device
    settings, world = build(), World(device="meta")
    source = module.source_of(settings, world.device)
    learner = module.start(settings, module.source_of(settings), world.device)
    white = np.zeros((8, source.generator.w_dim), np.float32)
    batch = module.batch_of(settings, Samples(white, np.zeros((8, 16, 16, 3), np.uint8)), 0, world)
    assert module.take_step(settings, learner, source, batch, 0, world).device.type == "meta"


class Oracle(Encoder):
    """Knows the answer."""

    white: Tensor
    cameras: Tensor

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        rows = slice(None, None, len(self.white) // len(picture))
        return self.white[rows, None], self.cameras[rows]


def test_the_loss_of_a_perfect_answer_is_that_of_rounding_pictures(build: Build, source: Source) -> None:
    settings = build()
    samples = draw_samples(source, range(8), seed=1, side=16)
    batch = module.batch_of(settings, samples, 0, World())
    oracle = Oracle(source.statistics, side=16, widths=(4,), hidden=4, camera_widths=(4,))
    oracle.white, oracle.cameras = batch.white, batch.cameras
    assert float(encoder_loss(settings, oracle, source, batch, False)) == pytest.approx(0, abs=1e-10)
    clamped = Batch(batch.seen, batch.cameras, drawn(source, batch.white), batch.white)
    assert float(encoder_loss(settings, oracle, source, clamped, True)) == pytest.approx(0, abs=1e-6)
    oracle.white = batch.white + 1
    assert float(encoder_loss(settings, oracle, source, batch, False)) == pytest.approx(1, abs=1e-4)


def drawn(source: Source, white: Tensor) -> Tensor:
    """What the codes draw."""
    return reduced(source.generator.synthesize(source.statistics.w_plus(white[:, None]))[0], 16)


def code_error(encoder: Encoder, samples: Samples) -> float:
    """Of the generator's own samples, as they are."""
    with torch.no_grad():
        white, _ = encoder(from_uint8(samples.pictures))
    return float(module.code_error(encoder, white, torch.from_numpy(samples.white)[:, None]))


def test_it_learns_to_read_the_codes_of_samples_that_it_has_not_seen(build: Build, source: Source) -> None:
    settings = build(samples=256, steps=100, batch=32, learning_rate=2e-2, checkpoint_every=100, untouched=1.0)
    held_out = draw_samples(source, range(64), seed=HELD_OUT_SEED, side=16)
    first = module.start(settings, source).current
    assert code_error(fit_encoder(settings, ignore), held_out) < 0.9 * code_error(first, held_out)


def test_other_settings_and_uneven_shares_are_refused(build: Build) -> None:
    fit_encoder(build(steps=1), ignore)
    with pytest.raises(ConfigError, match="picture_weight"):
        fit_encoder(build(steps=1, picture_weight=2.0), ignore)
    with pytest.raises(ConfigError, match="8 images does not divide by 3 workers"):
        fit_encoder(build(), ignore, World(0, 3))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"side": 18}, "side: 18 px cannot be halved"),
        ({"picture_batch": 3}, "picture_batch: expected a divisor of batch"),
        ({"untouched": 1.5}, "untouched: a share"),
        ({"push": -1.0}, "push: must be >= 0"),
        ({"steps": 0}, "steps: must be >= 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, float], said: str, build: Build) -> None:
    with pytest.raises(ConfigError, match=said):
        build(**changes)


def test_the_generator_is_not_trained(source: Source) -> None:
    assert not any(parameter.requires_grad for parameter in cast(nn.Module, source.generator).parameters())
