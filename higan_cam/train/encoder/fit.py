"""Training an encoder: the error of the code, of the camera, and every few steps of the picture that the code draws."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.generate import from_uint8, load_generator
from higan_cam.invert.camera import TYPICAL
from higan_cam.invert.encoder import Encoder, reduced
from higan_cam.invert.statistics import code_statistics
from higan_cam.manipulate import load_boundary
from higan_cam.train.checkpoints import AveragedLearner
from higan_cam.train.encoder.bank import kept_samples, rows_of_step, training_samples
from higan_cam.train.encoder.samples import Samples, Source, direction_of
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.encoder.views import view_draws, views_of
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, share_of, update_average
from higan_cam.train.settings import Report, World

WEIGHT_DECAY = 1e-4
LARGEST_GRADIENT = 5.0
Draw = Callable[[int], Samples]
"""Number of the step -> this worker's samples."""
Learner = AveragedLearner[Encoder]


@dataclass(frozen=True, eq=False)
class Batch:
    """One worker's part of a step.

    Attributes:
        seen: (n,3,S,S) what the encoder is shown; cameras: (n,8) how it was taken.
        sample: (n,3,S,S) what the generator drew; white: (n,D) its code in standard deviations.
    """

    seen: Tensor
    cameras: Tensor
    sample: Tensor
    white: Tensor


def fit_encoder(settings: EncoderSettings, report: Report, world: World = World()) -> Encoder:  # noqa: B008 - frozen
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes there, but for samples.

    The same settings give the same weights on one kind of device, and on any number of workers but for rounding. The
    averaged network comes back on the CPU.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, a boundary that does not fit, or a batch that
            does not divide by the workers.
        WeightsError: a generator or a boundary that cannot be read.
    """
    share_of(settings.batch, world), share_of(settings.picture_batch, world)
    source = source_of(settings, world.device)
    learner = start(settings, source, world.device)
    resume(settings, learner)
    if learner.step < settings.steps:
        draw = samples_by_step(settings, source, report, world)

        def step(number: int) -> Tensor:
            batch = batch_of(settings, draw(number), number, world)
            return take_step(settings, learner, source, batch, number, world)

        rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate)
        plan = Plan(name="encoder", steps=settings.steps, rate=rate, optimizers=[learner.optimizer])
        train(settings, learner, step, plan, report, world)
    return learner.averaged.eval().cpu()


def source_of(settings: EncoderSettings, device: str = "cpu") -> Source:
    """The generator, with what its codes are like. Errors as `fit_encoder`."""
    generator = load_generator(settings.generator, precision=settings.precision)
    statistics = code_statistics(generator)
    direction = None
    if settings.boundary is not None:
        direction = direction_of(load_boundary(settings.boundary), generator, statistics)
    cast(nn.Module, generator).to(device)
    return Source(generator, statistics.to(device), direction)


def start(settings: EncoderSettings, source: Source, device: str = "cpu") -> Learner:
    """A learner at step 0 on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    current = Encoder(
        source.statistics.to("cpu"),
        side=settings.side,
        widths=settings.widths,
        hidden=settings.hidden,
        camera_widths=settings.camera_widths,
        deltas=settings.deltas,
    ).to(device)
    averaged = deepcopy(current).requires_grad_(False)
    optimizer = torch.optim.AdamW(current.parameters(), lr=settings.learning_rate, weight_decay=WEIGHT_DECAY)
    return Learner(current, averaged, optimizer)


def samples_by_step(settings: EncoderSettings, source: Source, report: Report, world: World) -> Draw:
    """Kept samples, in another order every epoch, or new ones at every step; drawn or read before this returns."""
    mine = _share(settings, world)
    if not settings.samples:
        return lambda number: training_samples(
            settings, source, range(number * settings.batch, (number + 1) * settings.batch)[mine]
        )
    kept = kept_samples(settings, source, report, world)
    return lambda number: kept.take(rows_of_step(settings, number)[mine])


def batch_of(settings: EncoderSettings, samples: Samples, number: int, world: World) -> Batch:
    """This worker's samples of a step, in the views of that step, on its device."""
    draws = view_draws(settings.seed, number, settings.batch)[_share(settings, world)]
    views = views_of(samples.pictures, draws, settings.untouched)
    parts = (views.pictures, views.cameras, from_uint8(samples.pictures), torch.from_numpy(samples.white))
    return Batch(*(part.to(world.device) for part in parts))


def encoder_loss(settings: EncoderSettings, encoder: Encoder, source: Source, batch: Batch, drawing: bool) -> Tensor:
    """Mean squared errors of code and camera, in units of their spread; where `drawing`, also what the codes of some
    pictures draw, and whether the encoder reads the same code off that.
    """
    white, cameras = encoder(batch.seen)
    loss: Tensor = code_error(encoder, white, batch.white[:, None])
    loss = loss + ((cameras - batch.cameras) / cameras.new_tensor(TYPICAL)).square().mean()
    if not drawing:
        return loss
    some = slice(None, None, settings.batch // settings.picture_batch)  # the same ones on any number of workers
    codes, sample = white[some], batch.sample[some]
    image = reduced(source.generator.synthesize(encoder.w_plus(codes))[0], encoder.side)
    loss = loss + settings.picture_weight * F.mse_loss(image, sample)
    return loss + settings.again_weight * code_error(encoder, encoder(image)[0], codes)


def code_error(encoder: Encoder, white: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error over pictures, rows and the coordinates that vary; (N,1 or L,D) each."""
    varies = encoder.varies.to(white)
    squares: Tensor = (white - truth).square().mean(dim=(0, 1)) * varies
    return squares.sum() / varies.sum()


def take_step(
    settings: EncoderSettings, learner: Learner, source: Source, batch: Batch, number: int, world: World
) -> Tensor:
    """One step of AdamW on the mean of all workers' losses; this worker's loss."""
    drawing = settings.picture_every > 0 and number % settings.picture_every == 0
    loss = encoder_loss(settings, learner.current, source, batch, drawing)
    descend(loss, learner.optimizer, learner.current.parameters(), LARGEST_GRADIENT, world)
    update_average(learner.averaged, learner.current, settings.batch, (number + 1) * settings.batch)
    return loss.detach()


def _share(settings: EncoderSettings, world: World) -> slice:
    """This worker's rows of a step."""
    share = share_of(settings.batch, world)
    return slice(world.rank * share, (world.rank + 1) * share)
