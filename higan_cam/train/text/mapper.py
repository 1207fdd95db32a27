"""A mapper: a small network, trained for one text, that says where each code has to go (StyleCLIP, section 5).

Patashnik et al., ICCV 2021: three networks for coarse, medium and fine rows of w+, on D_CLIP, the length of the move
and identity. Here the change of the picture is to be that of the texts (`directional`), and no network of identities
is asked. Shapes: N codes, L rows of w+, D code dimension.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.generate.latents import sample_latents
from higan_cam.losses.texts import code_norm, directional
from higan_cam.pipeline.directions.texts import Wish
from higan_cam.train.checkpoints import Learner
from higan_cam.train.files import check_converged, halved
from higan_cam.train.loop import Plan, resume, train
from higan_cam.train.optimise import cosine_rate, descend
from higan_cam.train.settings import Report, World
from higan_cam.types import Generator
from higan_cam.weights.files import load_tensors, save_tensors
from higan_cam.weights.state_dicts import fill

GROUPS = ((0, 4), (4, 8), (8, None))
"""Rows of the coarse, the medium and the fine network, as published."""
SHARE = 0.1
"""Of its output that a network moves a code by, as published."""
LARGEST_GRADIENT, WARMUP = 1.0, 10


@dataclass(frozen=True, kw_only=True)
class MapperSettings:
    """Training a mapper.

    Raises:
        ConfigError: a value out of range.
    """

    output: str
    """Folder of the checkpoint and of the mapper."""
    text: str
    """What is wanted, and in `neutral` what is there."""
    neutral: str
    generator: str = "rooms"
    """Whose codes, and in `clip` which network knows the texts: with others it is another training."""
    clip: str = "rooms"
    arch: str | None = None
    """Of an open_clip model."""
    code_weight: float = 0.02
    """Of the move's length, code units."""
    steps: int = 200
    batch: int = 4
    learning_rate: float = 5e-3
    seed: int = 0
    checkpoint_every: int = 50

    def __post_init__(self) -> None:
        """Check what would fail later."""
        for name in ("steps", "batch", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning_rate: must be > 0, got {self.learning_rate}")
        for name in ("seed", "code_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name}: must be >= 0, got {getattr(self, name)}")


class Mapper(nn.Module):
    """(N,L,D) codes -> (N,L,D) how far each row is to be moved; at first nowhere."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.rows, self.width = rows, width
        self.groups = [range(rows)[first:last] for first, last in GROUPS if first < rows]
        self.parts = nn.ModuleList(self._part() for _ in self.groups)

    def forward(self, w_plus: Tensor) -> Tensor:
        """See the class."""
        moves = [part(w_plus[:, group.start : group.stop]) for part, group in zip(self.parts, self.groups, strict=True)]
        return SHARE * torch.cat(moves, dim=1)

    def _part(self) -> nn.Sequential:
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Linear(self.width, self.width), nn.LeakyReLU(0.2)]
        last = nn.Linear(self.width, self.width)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        return nn.Sequential(*layers, last)


def fit_mapper(
    settings: MapperSettings,
    generator: Generator,
    wish: Wish,
    report: Report,
    starts: Callable[[range], Tensor] | None = None,
) -> Mapper:
    """Train on the generator's own samples, resuming from the checkpoint in `settings.output`.

    Args:
        wish: what is asked for, with a neutral text.
        starts: places of training -> (n,L,D) codes; None draws the generator's.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings, a wish without a neutral text, or with two
            that mean the same.
    """
    neutral = wish.neutral
    if neutral is None:
        raise ConfigError("neutral: a mapper is trained on the change from one text to another; say both")
    wish.change()
    torch.manual_seed(settings.seed)
    mapper = Mapper(generator.num_layers, generator.w_dim)
    learner = Learner(mapper, torch.optim.Adam(mapper.parameters(), lr=settings.learning_rate))
    resume(settings, learner)
    drawn = starts or partial(_codes, generator, settings.seed)

    def step(number: int) -> Tensor:
        first = number * settings.batch
        with torch.no_grad():
            w_plus = drawn(range(first, first + settings.batch))
            before = wish.see(generator.synthesize(w_plus)[0])
        moved = w_plus + mapper(w_plus)
        asked = directional(wish.see(generator.synthesize(moved)[0]), before, wish.text, neutral)
        loss = (asked + settings.code_weight * code_norm(moved, w_plus)).mean()
        descend(loss, learner.optimizer, mapper.parameters(), LARGEST_GRADIENT, World())
        return loss.detach()

    rate = partial(
        cosine_rate, steps=settings.steps, peak=settings.learning_rate, warmup=max(1, settings.steps // WARMUP)
    )
    plan = Plan(name="mapper", steps=settings.steps, rate=rate, optimizers=[learner.optimizer], report_every=25)
    train(settings, learner, step, plan, report, World())
    return mapper.eval()


def save_mapper(path: Path, mapper: Mapper, settings: MapperSettings) -> None:
    """Write a mapper, whole or not at all: 16-bit floats, with both texts in the metadata. DataError: diverged."""
    check_converged(settings, mapper)
    about = {"rows": mapper.rows, "width": mapper.width, "text": settings.text, "neutral": settings.neutral}
    save_tensors(path, halved(mapper.state_dict()), {"mapper": json.dumps(about, sort_keys=True)})


def load_mapper(path: Path) -> Mapper:
    """What `save_mapper` wrote. WeightsError: another file."""
    tensors, metadata = load_tensors(path)
    try:
        about = json.loads(metadata["mapper"])
        mapper = Mapper(about["rows"], about["width"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: no mapper of a text ({error})") from error
    fill(mapper, tensors, path)
    return mapper.eval().requires_grad_(False)


def _codes(generator: Generator, seed: int, places: range) -> Tensor:
    z = torch.from_numpy(sample_latents(places, seed, generator.z_dim))
    return generator.truncate(generator.map(z))
