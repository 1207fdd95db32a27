"""Training the inpainter: AdamW on the squared error of the light, averaged weights, checkpoints that go on."""

from __future__ import annotations

import logging
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.store.store import open_store
from higan_cam.train.checkpoints import AveragedLearner
from higan_cam.train.inpaint.data import Examples, Pairs, draw_examples, read_pairs
from higan_cam.train.inpaint.flow import noised
from higan_cam.train.inpaint.model import LIGHT_SCALE, Inpainter, build_inpainter
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, share_of, update_average
from higan_cam.train.settings import Report, World

log = logging.getLogger(__name__)
WEIGHT_DECAY = 1e-4
LARGEST_GRADIENT = 1.0
Learner = AveragedLearner[Inpainter]


def fit_inpainter(settings: InpaintSettings, report: Report, world: World = World()) -> Inpainter:  # noqa: B008 - frozen
    """Train on the dataset's train split, resuming from the checkpoint in `settings.output`; only rank 0 writes.

    The same settings on the same number of workers give the same weights on one kind of device. The averaged network
    comes back on the CPU.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, or the batch does not divide by the workers.
        StoreError, DataError: the dataset cannot be read, or has nothing to learn from.
    """
    share_of(settings.batch, world)
    learner = start(settings, world.device)
    resume(settings, learner)
    if learner.step < settings.steps:
        pairs = read_pairs(open_store(settings.dataset), "train", settings.size)
        log.info("pairs=%d from step %d", len(pairs), learner.step)
        rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate)
        plan = Plan(name="inpainter", steps=settings.steps, rate=rate, optimizers=[learner.optimizer])
        train(settings, learner, partial(_step, settings, learner, pairs, world), plan, report, world)
    return learner.averaged.eval().cpu()


def start(settings: InpaintSettings, device: str = "cpu") -> Learner:
    """A learner at step 0, on that device."""
    current, averaged = (build_inpainter(settings).to(device) for _ in range(2))
    averaged.requires_grad_(False)
    optimizer = torch.optim.AdamW(current.parameters(), lr=settings.learning_rate, weight_decay=WEIGHT_DECAY)
    return Learner(current, averaged, optimizer)


def flow_loss(network: Inpainter, batch: Examples, noise: Tensor, t: Tensor) -> Tensor:
    """Mean squared error of the estimated light, of examples with noise (N,3,S,S) at times t (N,)."""
    light = (batch.lit - batch.unlit) * LIGHT_SCALE
    estimate = network(noised(light, noise, t), t, batch.unlit, batch.mask)
    return F.mse_loss(estimate, light)


def _step(settings: InpaintSettings, learner: Learner, pairs: Pairs, world: World, number: int) -> Tensor:
    batch = draw_examples(pairs, settings, number)
    draws = torch.Generator().manual_seed(~(settings.seed * 1_000_003 + number) % 2**63)
    noise, t = torch.randn(batch.lit.shape, generator=draws), torch.rand(settings.batch, generator=draws)
    share = share_of(settings.batch, world)
    mine = slice(world.rank * share, (world.rank + 1) * share)
    everyones = (batch.unlit, batch.mask, batch.lit, noise, t)
    unlit, mask, lit, noise, t = (whole[mine].to(world.device) for whole in everyones)
    loss = flow_loss(learner.current, Examples(unlit, mask, lit), noise, t)
    descend(loss, learner.optimizer, learner.current.parameters(), LARGEST_GRADIENT, world)
    update_average(learner.averaged, learner.current, settings.batch, (number + 1) * settings.batch)
    return loss.detach()
