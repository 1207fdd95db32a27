"""Training the lighting scorer on renders of rooms, whose lighting level is known, or on pictures sorted by a user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.label import load_places365_resnet18
from higan_cam.label.lighting import LightingScorer, coral_loss
from higan_cam.rooms import level, render
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.distill.latents import as_tensor, training_latents
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import average_gradients, cosine_rate
from higan_cam.train.scorer.pictures import batch_of, find_pictures, split_pictures
from higan_cam.train.scorer.settings import ScorerSettings
from higan_cam.train.settings import Report, World

WEIGHT_DECAY = 1e-4
PLACES365_WIDTH, PLACES365_SIDE = 64, 224


@dataclass
class Learner(Parts):
    """The mutable state of training."""

    scorer: LightingScorer
    optimizer: torch.optim.Optimizer
    step: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the step."""
        return {"scorer": self.scorer, "optimizer": self.optimizer}


def fit_scorer(settings: ScorerSettings, report: Report, world: World = World()) -> LightingScorer:  # noqa: B008 - frozen
    """AdamW on CORAL's loss, resuming from the checkpoint in `settings.output`; only rank 0 writes. The scorer
    comes back on the CPU.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, or see `initial_scorer`, `find_pictures`.
        WeightsError: a backbone that is missing or does not fit.
    """
    learner, batches = start(settings, world.device), batches_of(settings)
    resume(settings, learner)

    def step(number: int) -> Tensor:
        return _step(settings, learner, *batches(number, world), world)

    rate = partial(cosine_rate, steps=settings.steps, peak=settings.learning_rate)
    plan = Plan(name="scorer", steps=settings.steps, rate=rate, optimizers=[learner.optimizer])
    train(settings, learner, step, plan, report, world)
    return learner.scorer.eval().cpu()


def start(settings: ScorerSettings, device: str = "cpu") -> Learner:
    """A learner at step 0 on that device, with seeded random weights where no backbone is named."""
    torch.manual_seed(settings.seed)
    scorer = initial_scorer(settings).to(device)
    trained = [parameter for parameter in scorer.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=WEIGHT_DECAY)
    return Learner(scorer, optimizer)


def initial_scorer(settings: ScorerSettings) -> LightingScorer:
    """The network that training starts from.

    Raises:
        ConfigError: a backbone of another width.
        WeightsError: a backbone that is missing or does not fit.
    """
    scorer = LightingScorer(settings.width, settings.resolution)
    if settings.backbone is not None:
        published = load_places365_resnet18(settings.backbone).state_dict()
        if settings.width != PLACES365_WIDTH:
            raise ConfigError(f"width: a Places365 ResNet18 has {PLACES365_WIDTH} channels, got {settings.width}")
        scorer.backbone.load_state_dict({key: published[key] for key in scorer.backbone.state_dict()})
    scorer.backbone.requires_grad_(not settings.frozen)
    return scorer


def batches_of(settings: ScorerSettings) -> Callable[[int, World], tuple[Tensor, Tensor]]:
    """(step, world) -> images (n,3,S,S) and levels (n,) of this worker."""
    if settings.pictures is None:
        return partial(_rendered, settings)
    training, _ = split_pictures(find_pictures(Path(settings.pictures)))

    def batch(step: int, world: World) -> tuple[Tensor, Tensor]:
        side, seed = settings.resolution, settings.seed
        return batch_of(training, side, seed=seed, step=step, batch=settings.batch, world=world)

    return batch


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """(N,3,H,W) in [-1,1] -> the same, softened and noised a little, so that a generator's blur is nothing new.

    Half of the batch is blurred by going through half or quarter size; all of it gets up to 0.03 of Gaussian noise.
    """
    half = len(images) // 2
    factor = 0.5 if torch.rand((), generator=generator) < 0.7 else 0.25
    small = F.interpolate(images[:half], scale_factor=factor, mode="bilinear", antialias=True, align_corners=False)
    soft = F.interpolate(small, images.shape[-2:], mode="bilinear", align_corners=False)
    mixed = torch.cat([torch.lerp(images[:half], soft, 0.6), images[half:]])
    strength = 0.03 * torch.rand((len(mixed), 1, 1, 1), generator=generator)
    return mixed + strength * torch.randn(mixed.shape, generator=generator)


def recolour(images: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """(N,3,H,W) in [-1,1] -> the same rooms with other colours and mid-tones, so that neither gives the light away.

    Per image, with u and v uniform: a share u of [0, strength] of each pixel's colour is replaced by the mean of its
    channels, and the picture p in [0,1] becomes p^(2^v), v in [-strength/2, strength/2]. Strength 0 changes nothing.
    """
    fade, tone = torch.rand((2, len(images), 1, 1, 1), generator=generator)
    faded = torch.lerp(images, images.mean(dim=1, keepdim=True), strength * fade)
    return 2 * ((faded + 1) / 2).clamp(0, 1).pow(2 ** (strength * (tone - 0.5))) - 1


def _rendered(settings: ScorerSettings, step: int, world: World) -> tuple[Tensor, Tensor]:
    z = training_latents(settings.seed, step, settings.batch, world)
    draws = torch.Generator().manual_seed(settings.seed * 1_000_003 + step * world.size + world.rank)
    images = render(z, settings.resolution)
    if settings.recolour > 0:
        images = recolour(images, draws, settings.recolour)
    return augment(images, draws), as_tensor(level(z))


def _step(settings: ScorerSettings, learner: Learner, images: Tensor, levels: Tensor, world: World) -> Tensor:
    scorer = learner.scorer.train()
    if settings.frozen:
        scorer.backbone.eval()  # its batch statistics stay the published ones
    for parameter in scorer.parameters():
        parameter.grad = None
    loss = coral_loss(scorer.logits(images.to(world.device)), levels.to(world.device))
    loss.backward()
    average_gradients(scorer.parameters(), world)
    learner.optimizer.step()
    return loss.detach()
