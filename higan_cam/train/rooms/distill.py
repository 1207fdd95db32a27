"""Distilling the room renderer into a StyleGAN2-shaped generator, z -> render(scene(z)), one resolution at a time.

Not adversarial: every latent has a known picture, so the loss is a plain distance to it, and the truth of every
generated image is the render of the same z. Recipe after the project's feasibility study: L1 with extra weight on
lamps, L1 at half and quarter size, L1 of gradients; Adam, one cosine per stage; averaged weights carried from stage to
stage; learned per-channel noise maps that start as the spatial patterns of the best linear map from factors to pixels.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.checkpoints import load_checkpoint, save_checkpoint
from higan_cam.train.optimise import average_gradients, cosine_rate, set_rate, update_average
from higan_cam.train.rooms.evaluate import psnr
from higan_cam.train.rooms.latents import as_tensor, held_out_latents, training_latents
from higan_cam.train.rooms.settings import DistillSettings
from higan_cam.train.rooms.trainee import Trainee, build_generator, restore, snapshot, start_stage, targets
from higan_cam.train.rooms.whitening import Whitening, fold_whitening, measure_whitening
from higan_cam.train.settings import Progress, Report, World

log = logging.getLogger(__name__)
REPORT_EVERY = 50
CHECKPOINT = "checkpoint.pt"


def distill(settings: DistillSettings, report: Report, world: World = World()) -> StyleGAN2:  # noqa: B008 - frozen
    """Train through every stage, resuming from the checkpoint in `settings.output`; the averaged generator.

    Only rank 0 writes. The same settings on the same number of workers give the same weights on one kind of machine.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, or a batch does not divide by the workers.
    """
    saved = load_checkpoint(Path(settings.output) / CHECKPOINT, settings)
    whitening = measure_whitening(build_generator(settings.channels, 8))
    previous: dict[str, Tensor] = saved["previous"] if saved is not None else {}
    for number in range(saved["stage"] if saved is not None else 0, len(settings.stages)):
        trainee = start_stage(settings, number, previous)
        if saved is not None and saved["stage"] == number:
            restore(trainee, saved)
        _run_stage(settings, trainee, whitening, report, world)
        previous = trainee.averaged.state_dict()
    fold_whitening(trainee.averaged, whitening)
    return trainee.averaged


def distillation_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """L1 x weight, + 0.5 L1 at 1/2, + 0.5 at 1/4, + 0.5 L1 of gradients; images (N,3,H,W), weight (N,1,H,W)."""
    error = image - target
    loss = (error.abs() * weight).mean()
    half = F.avg_pool2d(error, 2)
    loss = loss + 0.5 * half.abs().mean() + 0.5 * F.avg_pool2d(half, 2).abs().mean()
    rows, columns = error.diff(dim=2).abs().mean(), error.diff(dim=3).abs().mean()
    return loss + 0.25 * (rows + columns)


def _run_stage(settings: DistillSettings, trainee: Trainee, whitening: Whitening, report: Report, world: World) -> None:
    stage, first, began = trainee.stage, trainee.step, time.monotonic()
    while trainee.step < stage.steps:
        set_rate(trainee.optimizer, cosine_rate(trainee.step, stage.steps, stage.learning_rate))
        loss = _step(settings, trainee, whitening, world)
        average_gradients(trainee.parameters, world)
        trainee.optimizer.step()
        trainee.step += 1
        update_average(trainee.averaged, trainee.current, stage.batch, trainee.step * stage.batch)
        if world.rank == 0 and trainee.step % REPORT_EVERY == 0:
            numbers = {"loss": float(loss), "seconds_per_step": (time.monotonic() - began) / (trainee.step - first)}
            if trainee.step % (10 * REPORT_EVERY) == 0 or trainee.step == stage.steps:
                numbers["psnr"] = held_out_psnr(trainee.averaged, whitening, min(64, settings.held_out))
            report(Progress(f"{stage.resolution}px", trainee.step, stage.steps, numbers))
        if world.rank == 0 and (trainee.step % settings.checkpoint_every == 0 or trainee.step == stage.steps):
            save_checkpoint(Path(settings.output) / CHECKPOINT, settings, snapshot(trainee))


def _step(settings: DistillSettings, trainee: Trainee, whitening: Whitening, world: World) -> Tensor:
    stage, generator = trainee.stage, trainee.current
    z = training_latents(settings.seed, trainee.first_step + trainee.step, stage.batch, world)
    target, weight = targets(z, stage.resolution, settings.fixture_weight)
    w_plus = whitening.codes(generator, as_tensor(z))
    for parameter in generator.synthesis.parameters():
        parameter.grad = None
    loss = distillation_loss(generator.synthesize(w_plus)[0], target, weight)
    loss.backward()
    return loss.detach()


@torch.no_grad()
def held_out_psnr(generator: StyleGAN2, whitening: Whitening, count: int) -> float:
    """dB, images clamped to [-1,1] against the renders of held-out latents, averaged over all pixels."""
    z = held_out_latents(count)
    target, _ = targets(z, generator.resolution, 0.0)
    images = torch.cat([generator.synthesize(whitening.codes(generator, part))[0] for part in as_tensor(z).split(16)])
    return psnr(images.clamp(-1, 1) - target)
