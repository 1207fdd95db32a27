"""Training the student: AdamW on cross-entropy of heat and mask and on the mask's Dice loss, checkpoints that go on."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from higan_cam.losses.masks import bce, dice
from higan_cam.mask.student import StudentNetwork
from higan_cam.mask.student.network import HEAT, MASK
from higan_cam.store.store import open_store
from higan_cam.train.checkpoints import Learner
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, in_precision, share_of
from higan_cam.train.settings import Report, World
from higan_cam.train.student.batches import Batch, Course, draw_batch
from higan_cam.train.student.labelled import read_labelled
from higan_cam.train.student.lessons import read_all
from higan_cam.train.student.settings import StudentSettings

log = logging.getLogger(__name__)
MASK_WEIGHT, DICE_WEIGHT = 0.5, 0.25
LARGEST_GRADIENT = 5.0
WARMUP = 16
"""One in so many steps warms up."""


def fit_student(
    settings: StudentSettings,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
    course: Course | None = None,
) -> StudentNetwork:
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes. It comes back on the CPU.

    The same settings on the same number of workers give the same weights on one kind of device.

    Args:
        course: what to learn from, read already; None reads what the settings name.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, the batch does not divide by the workers, or
            labelled pictures that cannot be used.
        StoreError, DataError: a dataset cannot be read, or has nothing to learn from.
    """
    share_of(settings.batch, world)
    learner = start(settings, world.device)
    resume(settings, learner)
    if learner.step < settings.steps:
        course = course or read_course(settings)
        log.info("samples=%d labelled=%d from step %d", len(course.samples), len(course.labelled), learner.step)
        rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=settings.steps // WARMUP)
        plan = Plan(name="student", steps=settings.steps, rate=rate, optimizers=[learner.optimizer], report_every=10)
        train(settings, learner, partial(_step, settings, learner, course, world), plan, report, world)
    return learner.network.eval().cpu()


def start(settings: StudentSettings, device: str = "cpu") -> Learner[StudentNetwork]:
    """A learner at step 0, on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    network: StudentNetwork = StudentNetwork(settings.channels).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return Learner(network, optimizer)


def read_course(settings: StudentSettings) -> Course:
    """Everything to learn from; raises as `fit_student`."""
    samples = read_all([open_store(uri) for uri in settings.datasets], "train", settings.side)
    labelled = read_labelled(Path(settings.labelled), settings.side) if settings.labelled else []
    return Course(samples, labelled)


def student_loss(logits: Tensor, heat: Tensor, mask: Tensor) -> Tensor:
    """(B,2,h,h) logits, (B,h,h) heat and mask in [0,1] -> BCE(heat) + 1/2 BCE(mask) + 1/4 Dice(mask), a scalar."""
    warm, marked = logits[:, HEAT], logits[:, MASK]
    losses = bce(warm, heat) + MASK_WEIGHT * bce(marked, mask) + DICE_WEIGHT * dice(marked, mask)
    return losses.mean()


def _step(
    settings: StudentSettings, learner: Learner[StudentNetwork], course: Course, world: World, number: int
) -> Tensor:
    return take_step(settings, learner, draw_batch(course, settings, number, world), world)


def take_step(settings: StudentSettings, learner: Learner[StudentNetwork], batch: Batch, world: World) -> Tensor:
    """One step of the optimiser on this worker's examples -> the loss."""
    images = batch.images.to(world.device, memory_format=torch.channels_last)
    with in_precision(settings.precision, world.device):
        logits = learner.network.train()(images)
    loss = student_loss(logits.float(), batch.heat.to(world.device), batch.mask.to(world.device))
    descend(loss, learner.optimizer, learner.network.parameters(), LARGEST_GRADIENT, world)
    return loss.detach()
