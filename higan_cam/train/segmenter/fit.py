"""Training a segmenter: AdamW on cross-entropy and Dice loss of every part, on the house's one loop."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.label.segmenters.u_net import PartsNetwork
from higan_cam.train.checkpoints import Learner
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, share_of
from higan_cam.train.segmenter.pictures import Lessons, lessons_of, spoilt
from higan_cam.train.segmenter.settings import SegmenterSettings
from higan_cam.train.settings import Report, World
from higan_cam.worlds.face_parts import PARTS

LARGEST_GRADIENT = 5.0
WARMUP = 16
"""One in so many steps warms up."""
LOOKED_AT, RAREST = 64, 1e-4
"""Examples by which the parts' shares of the pixels are known, and the least that a share counts as."""


def fit_segmenter(
    settings: SegmenterSettings,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
    lessons: Lessons | None = None,
) -> PartsNetwork:
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes. It comes back on the CPU.

    The same settings on the same number of workers give the same weights on one kind of device.

    Args:
        lessons: what to learn from, read already; None reads what the settings name.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, the batch does not divide by the workers, or
            pictures that cannot be used.
    """
    share = share_of(settings.batch, world)
    learner, course = start(settings, world.device), lessons or lessons_of(settings)
    resume(settings, learner)
    weights = part_weights(course.draw(range(LOOKED_AT))[1], settings.balance).to(world.device)

    def step(number: int) -> Tensor:
        first = number * settings.batch + world.rank * share
        images, labels = course.draw(range(first, first + share))
        draws = torch.Generator().manual_seed(settings.seed * 1_000_003 + number * world.size + world.rank)
        shown = spoilt(images, settings.recolour, draws).to(world.device, memory_format=torch.channels_last)
        loss = parts_loss(learner.network.train()(shown), labels.to(world.device).long(), settings.dice, weights)
        descend(loss, learner.optimizer, learner.network.parameters(), LARGEST_GRADIENT, world)
        return loss.detach()

    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=settings.steps // WARMUP)
    plan = Plan(name="segmenter", steps=settings.steps, rate=rate, optimizers=[learner.optimizer], report_every=25)
    train(settings, learner, step, plan, report, world)
    return learner.network.eval().cpu()


def start(settings: SegmenterSettings, device: str = "cpu") -> Learner[PartsNetwork]:
    """A learner at step 0, on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    network = PartsNetwork(settings.channels, len(PARTS))
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return Learner(network, optimizer)


def part_weights(labels: Tensor, balance: float) -> Tensor:
    """(N,S,S) labels -> (11,) weights 1 / share^balance of each part, 1 on average over the pixels."""
    share = torch.bincount(labels.flatten().long(), minlength=len(PARTS)).float() / labels.numel()
    weights = share.clamp(min=RAREST) ** -balance
    return weights / (weights * share).sum()


def parts_loss(logits: Tensor, labels: Tensor, dice: float, weights: Tensor) -> Tensor:
    """(B,11,S,S) logits, (B,S,S) int64 labels -> cross-entropy + dice * (1 - mean Dice of the parts there), scalar.

    The cross-entropy is weighted by (11,) `weights` of the parts. Dice (Milletari et al. 2016, arXiv:1606.04797) is
    taken over the whole batch, of the parts that it shows.
    """
    likely, true = logits.softmax(dim=1), F.one_hot(labels, logits.shape[1]).permute(0, 3, 1, 2)
    shared, shown = (likely * true).sum(dim=(0, 2, 3)), true.sum(dim=(0, 2, 3))
    overlap = 2 * shared / (likely.sum(dim=(0, 2, 3)) + shown)
    return F.cross_entropy(logits, labels, weight=weights) + dice * (1 - overlap[shown > 0].mean())
