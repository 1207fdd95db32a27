"""Distilling a renderer into a StyleGAN2-shaped generator, z -> render(scene(z)), one resolution at a time.

Not adversarial: every latent has a known picture, so the loss is a plain distance to it, and the truth of every
generated image is the render of the same z. Recipe after the project's feasibility study: L1 with extra weight on
what matters most, L1 at half and quarter size, L1 of gradients; Adam, one cosine per stage; averaged weights carried
from stage to stage; learned per-channel noise maps that start as the spatial patterns of the best linear map from
factors to pixels.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.checkpoints import load_checkpoint
from higan_cam.train.distill.evaluate import psnr
from higan_cam.train.distill.latents import as_tensor, held_out_latents, training_latents
from higan_cam.train.distill.settings import DistillSettings
from higan_cam.train.distill.trainee import Trainee, build_generator, start_stage, targets
from higan_cam.train.distill.whitening import Whitening, fold_whitening, measure_whitening
from higan_cam.train.distill.world import ToyWorld
from higan_cam.train.distill.worlds import toy_world
from higan_cam.train.loop import Plan, train
from higan_cam.train.optimise import average_gradients, cosine_rate, update_average
from higan_cam.train.settings import Report, World

MEASURE_EVERY = 500
"""Steps between measurements on held-out pictures, which cost as much as some steps."""


def distill(settings: DistillSettings, report: Report, world: World = World()) -> StyleGAN2:  # noqa: B008 - frozen
    """Train through every stage, resuming from the checkpoint in `settings.output`; the averaged generator, on the CPU.

    Only rank 0 writes. The same settings on the same number of workers give the same weights on one kind of device.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, or a batch does not divide by the workers.
    """
    saved = load_checkpoint(settings)
    toy = toy_world(settings.world)
    whitening = measure_whitening(build_generator(settings.channels, 8, toy))
    previous: dict[str, Tensor] = saved["previous"] if saved is not None else {}
    for number in range(saved["stage"] if saved is not None else 0, len(settings.stages)):
        trainee = start_stage(settings, number, previous, world.device)
        if saved is not None and saved["stage"] == number:
            trainee.restore(saved)
        _run_stage(settings, trainee, whitening.to(world.device), report, world)
        previous = trainee.averaged.state_dict()
    generator = trainee.averaged.cpu()
    fold_whitening(generator, whitening)
    return generator


def distillation_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """L1 x weight, + 0.5 L1 at 1/2, + 0.5 at 1/4, + 0.5 L1 of gradients; images (N,3,H,W), weight (N,1,H,W)."""
    error = image - target
    loss = (error.abs() * weight).mean()
    half = F.avg_pool2d(error, 2)
    loss = loss + 0.5 * half.abs().mean() + 0.5 * F.avg_pool2d(half, 2).abs().mean()
    rows, columns = error.diff(dim=2).abs().mean(), error.diff(dim=3).abs().mean()
    return loss + 0.25 * (rows + columns)


def _run_stage(settings: DistillSettings, trainee: Trainee, whitening: Whitening, report: Report, world: World) -> None:
    stage = trainee.stage

    def measured(done: int) -> dict[str, float]:
        if done % MEASURE_EVERY and done != stage.steps:
            return {}
        toy, count = toy_world(settings.world), min(64, settings.held_out)
        return {"psnr": held_out_psnr(trainee.averaged, whitening, count, toy)}

    plan = Plan(
        name=f"{stage.resolution}px",
        steps=stage.steps,
        rate=partial(cosine_rate, steps=stage.steps, peak=stage.learning_rate),
        optimizers=[trainee.optimizer],
        numbers=measured,
    )
    train(settings, trainee, partial(_step, settings, trainee, whitening, world), plan, report, world)


def _step(settings: DistillSettings, trainee: Trainee, whitening: Whitening, world: World, number: int) -> Tensor:
    stage, generator = trainee.stage, trainee.current
    toy = toy_world(settings.world)
    z = training_latents(settings.seed, trainee.first_step + number, stage.batch, world, toy.z_dim)
    target, weight = (part.to(world.device) for part in targets(z, stage.resolution, settings.detail_weight, toy))
    w_plus = whitening.codes(generator, as_tensor(z).to(world.device))
    for parameter in generator.synthesis.parameters():
        parameter.grad = None
    loss = distillation_loss(generator.synthesize(w_plus)[0], target, weight)
    loss.backward()
    average_gradients(trainee.parameters, world)
    trainee.optimizer.step()
    update_average(trainee.averaged, generator, stage.batch, (number + 1) * stage.batch)
    return loss.detach()


@torch.no_grad()
def held_out_psnr(generator: StyleGAN2, whitening: Whitening, count: int, toy: ToyWorld) -> float:
    """dB, images clamped to [-1,1] against the renders of held-out latents, averaged over all pixels."""
    z = held_out_latents(count, toy.z_dim)
    target, _ = targets(z, generator.resolution, 0.0, toy)
    parts = as_tensor(z).to(whitening.mean.device).split(16)
    images = torch.cat([generator.synthesize(whitening.codes(generator, part))[0] for part in parts])
    return psnr(images.clamp(-1, 1).cpu() - target)
