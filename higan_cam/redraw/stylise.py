"""A picture in the manner of another: its content, the other's textures, by descent (Gatys et al. 2016, CVPR).

    loss = sum_k weight_k * term_k(picture) / unit_k

Terms are losses of `higan_cam.losses`, by name. Gram matrices and `colour` compare with the style, all others with the
content. Every term is in a unit of its own, so that weights mean the same for any network and pictures: of the style's
terms the unit is their value at the picture that it starts from, of the others that of a grey picture of the content's
mean level (`total_variation`, of which grey has none: that of the content). So 1 is where a term begins, or all of it
lost. Where that is nothing (a flat content, a style that is the content) the unit is the term's value at noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, DataError
from higan_cam.generate.images import from_uint8, to_uint8
from higan_cam.losses import Aim, Parts, make_picture_losses
from higan_cam.types import ByteArray

Optimizer = Literal["lbfgs", "adam"]
Start = Literal["content", "noise"]
OF_STYLE = ("gram", "colour")
"""What the names of terms begin with that compare with the style."""
LEAST = 32
"""Of a side, px: below it deep layers have nothing to compare."""
DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "efficientnet_lite0": {
        "gram:efficientnet_lite0": 10.0,
        "colour": 1.0,
        "features:efficientnet_lite0_stage3": 1.0,
        "total_variation": 0.1,
    },
    "vgg16": {"gram:vgg16": 10.0, "colour": 1.0, "features:vgg16_relu3_3": 1.0, "total_variation": 0.1},
}
"""Terms and weights, by the network that they look through."""
_ROUNDING = 1e-6
"""Of a term's value at noise: a unit that is no more than this is none, the two pictures are the same to that term."""


@dataclass(frozen=True, kw_only=True)
class StyliseSettings:
    """How to descend.

    Raises:
        ConfigError: an unknown name, or a value out of range.
    """

    weights: Mapping[str, float]
    """{name of a loss: weight}; one of the style's, or there is nothing to change."""
    steps: int = 100
    """L-BFGS takes several looks in some of them."""
    optimizer: Optimizer = "lbfgs"
    rate: float | None = None
    """Of a step; None: 1 for L-BFGS, .02 for Adam, in [-1,1]."""
    start: Start = "content"
    seed: int = 0
    """Of the noise that `start` may begin at."""

    def __post_init__(self) -> None:
        """Check what would fail later."""
        for name, known in (("optimizer", get_args(Optimizer)), ("start", get_args(Start))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name}: must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if self.steps < 1:
            raise ConfigError(f"steps: must be >= 1, got {self.steps}")
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise ConfigError(f"rate: must be a number > 0, got {self.rate}")
        if not any(weight for name, weight in self.weights.items() if of_style(name)):
            raise ConfigError(f"weights: no term of the style in {dict(self.weights)}; name one, such as gram:vgg16=1")


@dataclass(frozen=True, eq=False)
class Stylised:
    """A picture, and what was reached.

    Attributes:
        picture: (H,W,3) uint8, that of the step with the least loss.
        terms: {name: of that picture, rounded to levels, in units}. before: of the picture that it began at.
        losses: of every look, in order. best: the number of the look that was kept.
    """

    picture: ByteArray
    terms: Mapping[str, float]
    before: Mapping[str, float]
    losses: tuple[float, ...]
    best: int


def of_style(name: str) -> bool:
    """Whether the term of this name compares with the style."""
    return name.startswith(OF_STYLE)


def stylise(content: ByteArray, style: ByteArray, settings: StyliseSettings, parts: Parts = Parts()) -> Stylised:  # noqa: B008 - frozen
    """The content picture in the manner of the style.

    Equal arguments give equal bytes on one kind of device.

    Args:
        content: (H,W,3) uint8. style: (h,w,3) uint8, of any size: textures are as large as they are in it.
        parts: networks and files that terms look through.

    Raises:
        DataError: a side below `LEAST` px, or a descent that ended in no number.
        ConfigError, WeightsError: as `make_losses`.
    """
    for name, shown in (("content", content), ("style", style)):
        if min(shown.shape[:2]) < LEAST:
            raise DataError(f"{name}: sides must be >= {LEAST} px, got {shown.shape[1]} x {shown.shape[0]}")
    whole, manner = (from_uint8(shown[None]).to(parts.device) for shown in (content, style))
    noise = _noise(tuple(whole.shape), settings.seed).to(whole)
    start = whole.clone() if settings.start == "content" else noise
    terms = _terms(_Looks(whole, manner, start, noise), settings, parts)
    descent = _Descent(terms, start, settings)
    descent.run()
    picture = to_uint8(descent.kept)[0]
    with torch.no_grad():
        reached, before = (
            {name: float(term(shown)) for name, term in terms.items()}
            for shown in (from_uint8(picture[None]).to(whole), start)
        )
    return Stylised(picture, reached, before, tuple(descent.losses), descent.best)


Term = Callable[[Tensor], Tensor]


class _Looks(NamedTuple):
    """Pictures that terms compare with or have their units at: (1,3,H,W), but for the style, in [-1,1]."""

    content: Tensor
    style: Tensor
    start: Tensor
    noise: Tensor


def _terms(looks: _Looks, settings: StyliseSettings, parts: Parts) -> dict[str, Term]:
    """{name: (1,3,H,W) -> its value in units}."""
    sides = {True: looks.style, False: looks.content}
    made: dict[str, Term] = {}
    for compares, target in sides.items():
        weights = {name: weight for name, weight in settings.weights.items() if of_style(name) is compares}
        for name, weight in weights.items():
            aim = make_picture_losses({name: weight or 1.0}, parts).against(target)
            # What Gram matrices and means keep of a picture has no size: the other may have another.
            made[name] = _in_units(name, replace(aim, shape=tuple(looks.content.shape)), looks)
    return made


def _in_units(name: str, aim: Aim, looks: _Looks) -> Term:
    if of_style(name):
        at = looks.start
    elif name.startswith("total_variation"):
        at = looks.content
    else:
        at = looks.content.mean().expand_as(looks.content)
    with torch.no_grad():
        unit, of_noise = (float(aim(each).terms[name]) for each in (at, looks.noise))
    unit = unit if unit > _ROUNDING * of_noise else of_noise
    scale = 1 / unit if unit > 0 else 0.0
    return lambda picture: scale * aim(picture).terms[name].sum()


def _noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Of a standard deviation of a quarter of the range, clamped to it."""
    source = np.random.Generator(np.random.Philox(key=np.array([seed, 0], np.uint64)))
    return torch.from_numpy(source.standard_normal(shape).astype(np.float32)).mul_(0.5).clamp_(-1, 1)


class _Descent:
    """An optimiser on its way; the best picture that it has looked at is kept, in [-1,1]."""

    def __init__(self, terms: Mapping[str, Term], start: Tensor, settings: StyliseSettings) -> None:
        self.terms, self.settings = terms, settings
        self.picture = start.clone(memory_format=torch.contiguous_format).requires_grad_()
        self.kept, self.best, self.losses = start, 0, list[float]()

    def run(self) -> None:
        """All steps. DataError: no look gave a number."""
        rate, steps = self.settings.rate, self.settings.steps
        optimizer: torch.optim.Optimizer
        if self.settings.optimizer == "lbfgs":
            optimizer = torch.optim.LBFGS(
                [self.picture], lr=rate or 1.0, max_iter=steps, history_size=20, line_search_fn="strong_wolfe"
            )
            optimizer.step(self._look)
        else:
            optimizer = torch.optim.Adam([self.picture], lr=rate or 0.02)
            for _ in range(steps):
                self._look()
                optimizer.step()
                with torch.no_grad():
                    self.picture.clamp_(-1, 1)
            self._look()
        if not np.isfinite(self.losses).any():
            raise DataError("stylise: no look at the picture gave a number; take other weights, or a lower rate")

    def _look(self) -> Tensor:
        """The loss, with its gradient; a picture that is better than all before is kept.

        Beyond [-1,1] a picture counts as the one that is shown, plus how far it lies beyond, so that it comes back.
        """
        self.picture.grad = None
        shown = self.picture.clamp(-1, 1)
        weighted = [self.settings.weights[name] * term(self.picture) for name, term in self.terms.items()]
        loss = torch.stack(weighted).sum() + (self.picture - shown).square().mean()
        loss.backward()
        value = float(loss.detach())
        if np.isfinite(value) and all(not value >= other for other in self.losses):
            self.kept, self.best = shown.detach().clone(), len(self.losses)
        self.losses.append(value)
        return loss.detach()
