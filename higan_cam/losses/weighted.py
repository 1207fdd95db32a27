"""Several losses with weights, measured a picture at a time against a target whose part is done once.

    losses = make_losses({"pixel": 1, "delta": 0.01}, Parts(spread=spread))
    total, terms = losses(picture, target, w_plus=w_plus)     # (N,), {"pixel": (N,), "delta": (N,)}

    aim = losses.against(target)                              # an optimiser's way: the target's features once
    for step in range(steps):
        aim(generator.synthesize(w_plus)[0], w_plus=w_plus).total.sum().backward()

The sum over pictures gives each its own gradient: no term averages over a batch, so what becomes of a picture does not
depend on its neighbours, and those that are done can leave (`Aim.rows`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import ConfigError, DataError
from higan_cam.losses.loss import NEEDS, Drawn, Loss, Need
from higan_cam.losses.named import OF_MASKS, make_loss
from higan_cam.losses.networks import Networks, Parts


class Measured(NamedTuple):
    """(N,) weighted sum, and each term (N,) before its weight."""

    total: Tensor
    terms: dict[str, Tensor]


@dataclass(frozen=True)
class Losses:
    """Losses by name with their weights.

    Attributes:
        terms: in the order in which they are added.
        weights: of the same names; a term of weight 0 is measured and adds nothing.
        clamp: cut pictures to [-1,1] first. What is cut has no gradient any more, so that published code is met alone.
        side: pictures larger than this are shrunk to it first (means over areas); None leaves them as they are.
    """

    terms: Mapping[str, Loss]
    weights: Mapping[str, float]
    clamp: bool = False
    side: int | None = None

    def __call__(
        self,
        picture: Tensor,
        target: Tensor,
        *,
        w_plus: Tensor | None = None,
        start: Tensor | None = None,
        noise: Sequence[Tensor] = (),
        seen: Tensor | None = None,
    ) -> Measured:
        """See `against` and `Aim`."""
        return self.against(target, start=start)(picture, w_plus=w_plus, noise=noise, seen=seen)

    def against(self, target: Tensor, *, start: Tensor | None = None) -> Aim:
        """What all terms take from the target, without gradients.

        Args:
            target: (N,3,H,W) in [-1,1]; for losses of masks (N,C,H,W) in [0,1].
            start: (N,L,D) codes that `code` and `code_sum` measure from.

        Raises:
            ConfigError: a term needs a start, and there is none.
        """
        if start is None:
            self.demand("start")
        with torch.no_grad():
            seen = self.prepared(target)
            read = {name: loss.prepare(Drawn(seen, start)) for name, loss in self.terms.items()}
        return Aim(self, tuple(target.shape), seen, read)

    def prepared(self, picture: Tensor) -> Tensor:
        """As the terms see it: at least float32, since sums over pixels are too coarse in 16 bits."""
        wide = picture.to(torch.promote_types(picture.dtype, torch.float32))
        wide = wide.clamp(-1, 1) if self.clamp else wide
        return wide if self.side is None else _shrunk(wide, self.side)

    def demand(self, what: Need) -> None:
        """ConfigError: a term looks at `what`, and there is none."""
        if lacking := [name for name, loss in self.terms.items() if what in loss.needs]:
            raise ConfigError(f"losses.{lacking[0]}: looks at {what}, and there is none; pass {what}=, or leave it out")


@dataclass(frozen=True)
class Aim:
    """Losses against one target.

    Attributes:
        losses: what is measured.
        shape: of the target, and so of the pictures.
        target: as the terms see it.
        read: what each term took from it, a row for each picture.
    """

    losses: Losses
    shape: tuple[int, ...]
    target: Tensor
    read: Mapping[str, tuple[Tensor, ...]]

    def __call__(
        self,
        picture: Tensor,
        *,
        w_plus: Tensor | None = None,
        noise: Sequence[Tensor] = (),
        seen: Tensor | None = None,
    ) -> Measured:
        """(N,3,H,W) pictures -> total and terms, (N,) each; NaN for a picture that holds any.

        Args:
            w_plus: (N,L,D) codes, for terms that look at them.
            noise: (N,C,h,w) or (1,C,h,w) maps, likewise.
            seen: (N,1,H,W) in [0,1], 0 where a picture does not reach, as after a shift: `pixel`, `absolute` and
                `light` pass over what is not seen, networks find the target there.

        Raises:
            ConfigError: a term needs codes or noise, and there are none.
            DataError: pictures of another shape than the target.
        """
        if tuple(picture.shape) != self.shape:
            raise DataError(f"losses: pictures {tuple(picture.shape)} against targets {self.shape}; expected one shape")
        if w_plus is None:
            self.losses.demand("w_plus")
        if not noise:
            self.losses.demand("noise")
        reach = seen if seen is None or self.losses.side is None else _shrunk(seen, self.losses.side)
        drawn = Drawn(self.losses.prepared(picture), w_plus, noise, reach, self.target)
        terms = {name: self._term(name, drawn) for name in self.losses.terms}
        weighted = [weight * terms[name] for name, weight in self.losses.weights.items() if weight]
        return Measured(torch.stack(weighted).sum(dim=0), terms)

    def rows(self, index: Tensor) -> Aim:
        """The same for some of the pictures: (n,) positions, or (N,) whether to keep each."""
        read = {name: tuple(part[index] for part in parts) for name, parts in self.read.items()}
        target = self.target[index]
        return replace(self, shape=(len(target), *self.shape[1:]), target=target, read=read)

    def _term(self, name: str, drawn: Drawn) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.losses.weights[name] != 0):
            values = self.losses.terms[name].measure(drawn, *self.read[name])
        return values.expand(self.shape[0])


def make_losses(
    weights: Mapping[str, float],
    parts: Parts = Parts(),  # noqa: B008 - frozen
    *,
    clamp: bool = False,
    side: int | None = None,
) -> Losses:
    """The losses that `weights` names.

    Args:
        weights: name (`named.LOSSES`) -> weight >= 0.
        parts: networks, files and codes' spread that some of them need.
        clamp, side: see `Losses`.

    Raises:
        ConfigError: no weight above 0, one that is negative or not finite, an unknown name, a part that is missing.
        WeightsError: a network's file that is missing or does not fit.
    """
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"losses.{name}: weight must be finite and >= 0, got {weight}")
    if not any(weights.values()):
        raise ConfigError(f"losses: nothing to minimise in {dict(weights)}; give at least one weight above 0")
    if side is not None and side < 1:
        raise ConfigError(f"losses: side must be >= 1 px, got {side}")
    networks = Networks(parts)
    return Losses({name: make_loss(name, networks) for name in weights}, dict(weights), clamp, side)


def make_picture_losses(weights: Mapping[str, float], parts: Parts = Parts()) -> Losses:  # noqa: B008 - frozen
    """As `make_losses`, for whoever has two pictures and nothing else.

    Raises:
        ConfigError: as there; also a loss that compares masks, or looks at codes or noise.
    """
    of_masks = sorted(OF_MASKS & weights.keys())
    if of_masks:
        raise ConfigError(f"losses.{of_masks[0]}: compares masks, logits with shares; here pictures are compared")
    losses = make_losses(weights, parts)
    for what in NEEDS:
        losses.demand(what)
    return losses


def _shrunk(picture: Tensor, side: int) -> Tensor:
    """(N,C,H,W) with a longer side of at most `side` pixels: means over areas, of 2 x 2 pixels for half the size."""
    height, width = picture.shape[-2:]
    longer = max(height, width)
    if longer <= side:
        return picture
    size = [max(1, round(each * side / longer)) for each in (height, width)]
    return F.interpolate(picture, size=size, mode="area")
