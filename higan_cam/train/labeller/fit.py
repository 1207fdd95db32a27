"""Training the networks of a labeller, a fold each: AdamW on cross-entropy, stopped by the fold's own part.

Folds know nothing of each other, so workers share them out: any number of workers gives the same bytes. A fold that is
killed anywhere goes on from its own checkpoint, in `fold_<number>` of the output.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.generate.images import from_uint8
from higan_cam.label.labelled.networks import Classifier, checked_backbone, make_classifier
from higan_cam.train.checkpoints import Part, Parts, load_checkpoint, save_checkpoint
from higan_cam.train.labeller.examples import Examples, find_examples
from higan_cam.train.labeller.parts import parts_of
from higan_cam.train.labeller.settings import MOST_RETRIES, LabellerSettings
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend
from higan_cam.train.settings import Report, World
from higan_cam.types import BoolArray, ByteArray, IntArray

LARGEST_GRADIENT = 5.0
WARMUP = 16
"""One in so many steps warms up."""
_AT_ONCE = 128
_BESIDE = ("looked", "best", "kept", "tried", "logits")
"""What a fold's checkpoint holds beside its parts."""
_ORDER, _WEIGHTS, _DROPOUT = 0, 1, 2
"""Streams of random numbers."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """All labelled pictures, as every fold has them.

    Attributes:
        pictures: (N,S,S,3) uint8.
        labels: (N,); parts: (N,) as of `parts_of`.
    """

    pictures: ByteArray
    labels: BoolArray
    parts: IntArray


@dataclass
class Fold(Parts):
    """The mutable state of one fold.

    Attributes:
        step: of this attempt; looked: steps after which its own part was last looked at.
        best: (loss on its own part, steps) of this attempt so far; kept: weights with the least loss of all attempts.
        tried: least loss of each attempt that has ended.
        logits: (N,) of the kept weights as the file has them, on every picture that the fold did not learn from, NaN
            elsewhere; None while it trains.
    """

    network: Classifier
    optimizer: torch.optim.Optimizer
    step: int = 0
    looked: int = 0
    best: tuple[float, int] = (math.inf, 0)
    kept: tuple[float, dict[str, Tensor]] = (math.inf, {})
    tried: list[float] = field(default_factory=list)
    logits: Tensor | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the rest."""
        return {"network": self.network, "optimizer": self.optimizer}

    def snapshot(self) -> dict[str, Any]:
        """See `State`."""
        return {**super().snapshot(), **{name: getattr(self, name) for name in _BESIDE}}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """See `State`."""
        super().restore(saved)
        for name in _BESIDE:
            setattr(self, name, saved[name])


def fit_folds(
    settings: LabellerSettings,
    report: Report,
    world: World = World(),  # noqa: B008 - frozen
    examples: Examples | None = None,
) -> None:
    """Train this worker's folds to the end; each leaves its checkpoint.

    Args:
        examples: found already; None finds what the settings name.

    Raises:
        ConfigError: a checkpoint is of a run with other settings, or as `find_examples` and `parts_of`.
        DataError: training diverged. WeightsError: as `make_classifier`.
    """
    mine = [fold for fold in range(settings.folds) if fold % world.size == world.rank]
    missing = [fold for fold in mine if not is_finished(settings, fold)]
    if not missing:
        return
    examples = examples or find_examples(settings)
    parts = parts_of(examples.labels, settings)
    lessons = Lessons(examples.pictures(settings.side), examples.labels, parts)
    for fold in missing:
        fit_fold(settings, lessons, fold, report, world.device)


def of_fold(settings: LabellerSettings, fold: int) -> LabellerSettings:
    """The same, with the fold's own folder."""
    return replace(settings, output=f"{settings.output}/fold_{fold}")


def is_finished(settings: LabellerSettings, fold: int) -> bool:
    """Whether the fold needs no more. ConfigError: it is of a run with other settings."""
    saved = load_checkpoint(of_fold(settings, fold))
    return saved is not None and saved["logits"] is not None


def fit_fold(settings: LabellerSettings, lessons: Lessons, number: int, report: Report, device: str = "cpu") -> None:
    """Train one fold, from its checkpoint if there is one; raises as `fit_folds`."""
    own = of_fold(settings, number)
    shown = _Shown(own, lessons, number, device)
    fold = start(own, number, 0, device)
    resume(own, fold)
    while not _attempt(own, shown, fold, report):
        attempt = start(own, number, len(fold.tried), device)
        fold.network, fold.optimizer = attempt.network, attempt.optimizer
        fold.step, fold.looked, fold.best = 0, 0, (math.inf, 0)
    if not fold.kept[1]:
        raise DataError(f"{settings.output}: training of fold {number} diverged; lower the learning_rate")
    fold.network.load_state_dict(fold.kept[1])
    fold.logits = torch.full((len(lessons.labels),), math.nan)
    unseen = np.flatnonzero((lessons.parts < 0) | (lessons.parts == number))
    fold.logits[unseen] = shown.logits(fold.network, unseen)
    save_checkpoint(own, fold.snapshot())


def start(settings: LabellerSettings, fold: int, attempt: int, device: str = "cpu") -> Fold:
    """A fold at step 0 of an attempt, with seeded random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_seed(settings, fold, attempt, 0, _WEIGHTS))
        network = make_classifier(settings.backbone, settings.side, settings.width, pretrained=True).to(device)
    rate, decay = settings.learning_rate, settings.weight_decay
    return Fold(network, torch.optim.AdamW(network.network.parameters(), lr=rate, weight_decay=decay))


def constant_loss(labels: BoolArray) -> float:
    """Cross-entropy of always saying the share of label 1, nats."""
    share = float(np.mean(labels))
    return -sum(part * math.log(part) for part in (share, 1 - share) if part > 0)


def _attempt(settings: LabellerSettings, shown: _Shown, fold: Fold, report: Report) -> bool:
    """Train until this attempt ends; whether it was the last one that is needed."""
    passing = shown.steps_of_a_pass
    plan = Plan(
        name=f"fold {shown.fold}",
        steps=0,
        rate=partial(_rate, settings, passing * settings.epochs),
        optimizers=[fold.optimizer],
        report_every=passing,
    )
    while True:
        if fold.step > fold.looked and fold.step % passing == 0:
            _look(shown, fold)
        if fold.step == passing * settings.epochs or fold.step - fold.best[1] >= passing * settings.patience:
            break
        until = (fold.step // passing + 1) * passing
        train(settings, fold, partial(_step, settings, shown, fold), replace(plan, steps=until), report, World())
    fold.tried.append(fold.best[0])
    enough = fold.kept[0] <= settings.accept * constant_loss(shown.lessons.labels)
    return enough or len(fold.tried) > settings.retries


def _rate(settings: LabellerSettings, steps: int, step: int) -> float:
    return cosine_rate(step, steps, settings.learning_rate, warmup=steps // WARMUP)


def _look(shown: _Shown, fold: Fold) -> None:
    """How much the fold loses on its own part; its weights are kept where that is the least so far.

    They are looked at as the file will have them.
    """
    halved = {key: _as_kept(value) for key, value in fold.network.state_dict().items()}
    judged = shown.blank
    judged.load_state_dict(halved)
    logits = shown.logits(judged, shown.own)
    loss = float(F.binary_cross_entropy_with_logits(logits, torch.from_numpy(shown.own_labels).float()))
    if math.isfinite(loss) and loss < fold.best[0]:
        fold.best = (loss, fold.step)
    if math.isfinite(loss) and loss < fold.kept[0]:
        fold.kept = (loss, {key: value.cpu() for key, value in halved.items()})
    fold.looked = fold.step


def _step(settings: LabellerSettings, shown: _Shown, fold: Fold, number: int) -> Tensor:
    prepared, labels = shown.batch(number, len(fold.tried))
    with torch.random.fork_rng(devices=[shown.device] if shown.device.type == "cuda" else []):
        torch.manual_seed(_seed(settings, shown.fold, len(fold.tried), number, _DROPOUT))
        logits = fold.network.train().network(prepared)[:, 0]
    loss = F.binary_cross_entropy_with_logits(logits, labels)
    descend(loss, fold.optimizer, fold.network.network.parameters(), LARGEST_GRADIENT, World())
    return loss.detach()


class _Shown:
    """The pictures as one fold's network is shown them. A frozen backbone looks at each once."""

    def __init__(self, settings: LabellerSettings, lessons: Lessons, fold: int, device: str) -> None:
        self.settings, self.lessons, self.fold, self.device = settings, lessons, fold, torch.device(device)
        self.own = np.flatnonzero(lessons.parts == fold)
        self.own_labels = lessons.labels[self.own]
        self.learned = np.flatnonzero((lessons.parts >= 0) & (lessons.parts != fold))
        self.blank = make_classifier(settings.backbone, settings.side, settings.width, pretrained=True).to(device)
        self.seen: Tensor | None = None
        if checked_backbone(settings.backbone).frozen:
            self.seen = torch.cat([self._look_at(part) for part in _split(np.arange(len(lessons.labels)))])

    @property
    def steps_of_a_pass(self) -> int:
        """Steps in which each picture that is learned from comes once; the last is filled up from the beginning."""
        return -(-len(self.learned) // self.settings.batch)

    def batch(self, step: int, attempt: int) -> tuple[Tensor, Tensor]:
        """Prepared pictures and (B,) labels of a step; the order of each pass follows from seed and number."""
        passing, place = divmod(step, self.steps_of_a_pass)
        key = _seed(self.settings, self.fold, attempt, passing, _ORDER)
        order = np.random.Generator(np.random.Philox(key=key)).permutation(self.learned)
        chosen = order[(place * self.settings.batch + np.arange(self.settings.batch)) % len(order)]
        labels = torch.from_numpy(self.lessons.labels[chosen]).float().to(self.device)
        return self._look_at(chosen), labels

    @torch.inference_mode()
    def logits(self, network: Classifier, chosen: IntArray) -> Tensor:
        """(n,) logits in eval mode, on the CPU."""
        network.eval()
        parts = [network.network(self._look_at(part))[:, 0].cpu() for part in _split(chosen)]
        return torch.cat(parts)

    def _look_at(self, chosen: IntArray) -> Tensor:
        if self.seen is not None:
            return self.seen[torch.from_numpy(chosen).to(self.device)]
        with torch.no_grad():
            prepared: Tensor = self.blank.prepare(from_uint8(self.lessons.pictures[chosen]).to(self.device))
        return prepared


def _split(chosen: IntArray) -> list[IntArray]:
    return [chosen[first : first + _AT_ONCE] for first in range(0, len(chosen), _AT_ONCE)]


def _as_kept(value: Tensor) -> Tensor:
    """As the file gives it back: floats through 16 bits."""
    return value.half().float() if value.is_floating_point() else value


def _seed(settings: LabellerSettings, fold: int, attempt: int, number: int, stream: int) -> int:
    """63 bits that follow from all of them."""
    which = fold * (MOST_RETRIES + 1) + attempt
    words = np.random.SeedSequence([settings.seed, which, number, stream]).generate_state(2)
    return int(words[0]) << 31 ^ int(words[1])
