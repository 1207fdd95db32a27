"""Training the towers: AdamW on a contrastive loss that knows what is true of which, on the house's one loop."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.label.texts.towers import Towers
from higan_cam.rooms.statements import UNKNOWN, VALUES, vocabulary
from higan_cam.train.checkpoints import Learner
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend, share_of
from higan_cam.train.settings import Report, World
from higan_cam.train.text.lessons import Lessons
from higan_cam.train.text.settings import TextSettings

LARGEST_GRADIENT = 1.0
NOTHING = -1e4
"""The logit of what is not compared: as good as none, and with a gradient of 0 where nothing else is there."""
SHARPER = 10.0
"""Unit vectors are multiplied by it before facts are read off them."""
WARMUP = 20
"""One in so many steps warms up."""


def fit_towers(
    settings: TextSettings,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
    lessons: Lessons | None = None,
) -> Towers:
    """Train, resuming from the checkpoint in `settings.output`; only rank 0 writes. They come back on the CPU.

    The same settings on the same number of workers give the same weights on one kind of device.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, the batch does not divide by the workers.
    """
    share = share_of(settings.batch, world)
    learner, course = start(settings, world.device), lessons or Lessons(settings)
    resume(settings, learner)
    pupil = learner.network.train()
    towers = pupil.towers

    def step(number: int) -> Tensor:
        first = number * settings.batch + world.rank * share
        lesson = course.draw(range(first, first + share))
        said = [towers.read(towers.number(part).to(world.device)) for part in lesson.sentences if part]
        seen = towers.see(lesson.images.to(world.device))
        told = torch.cat(said)
        facts = spelling(pupil.head, torch.cat([seen, told]), torch.cat([lesson.facts, lesson.claims]).to(world.device))
        loss = contrast(towers.scale * told @ seen.T, lesson.truth.to(world.device)) + settings.spelled * facts
        descend(loss, learner.optimizer, pupil.parameters(), LARGEST_GRADIENT, world)
        return loss.detach()

    warmup = settings.steps // WARMUP
    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=warmup)
    train(
        settings, learner, step, Plan(name="text", steps=settings.steps, rate=rate, optimizers=[learner.optimizer]),
        report, world,
    )  # fmt: skip
    return towers.eval().cpu()


class Pupil(nn.Module):
    """The towers, and one linear map from their embeddings to the values of all facts, which does not ship."""

    def __init__(self, towers: Towers, size: int) -> None:
        super().__init__()
        self.towers, self.head = towers, nn.Linear(size, sum(map(len, VALUES.values())))


def start(settings: TextSettings, device: str = "cpu") -> Learner[Pupil]:
    """A learner at step 0, on that device, with seeded random weights. Norms, biases and places do not decay."""
    torch.manual_seed(settings.seed)
    towers = Towers(
        vocabulary(),
        side=settings.side,
        widths=settings.widths,
        text_width=settings.text_width,
        size=settings.size,
    )
    pupil = Pupil(towers, settings.size).to(device)
    decays = [each for each in pupil.parameters() if each.ndim > 1]
    others = [each for each in pupil.parameters() if each.ndim <= 1]
    groups = [{"params": decays, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return Learner(pupil, torch.optim.AdamW(groups, lr=settings.learning_rate))


def spelling(head: nn.Linear, embeddings: Tensor, facts: Tensor) -> Tensor:
    """(M,D) unit embeddings of pictures or sentences, (M,K) what they show or claim, `UNKNOWN` or a value -> a scalar.

    The mean cross-entropy of what is known. One map for both kinds, so that a fact has one place in the embedding.
    """
    logits = head(SHARPER * embeddings).split([len(values) for values in VALUES.values()], dim=1)
    lost = [
        F.cross_entropy(each, fact, ignore_index=UNKNOWN, reduction="sum")
        for each, fact in zip(logits, facts.unbind(1), strict=True)
    ]
    return torch.stack(lost).sum() / (facts != UNKNOWN).sum()


def contrast(logits: Tensor, truth: Tensor) -> Tensor:
    """(T,N) scaled cosines of sentences and pictures, (T,N) 1 true, 0 false, -1 unknown -> a scalar.

    InfoNCE both ways (van den Oord et al. 2018, arXiv:1807.03748), where what is true is never taken for a negative:
    each true pair is compared with the pictures of which its sentence is false, and with the sentences that are false
    of its picture. A sentence that is false of none has nothing to be compared with, and costs nothing that way.
    """
    true, false = truth == 1, truth == 0
    others = logits.masked_fill(~false, NOTHING)
    lost = [F.softplus(torch.logsumexp(others, dim, keepdim=True) - logits)[true] for dim in (0, 1)]
    return (lost[0].mean() + lost[1].mean()) / 2
