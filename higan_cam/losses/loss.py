"""What a loss is: something measured on what was drawn, against what was read off the target once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

Need = Literal["w_plus", "start", "noise"]
NEEDS: tuple[Need, ...] = get_args(Need)


@dataclass(frozen=True)
class Drawn:
    """What is looked at: a picture, and where it has them the code and the noise that it was drawn from.

    Attributes:
        picture: (N,3,H,W) in [-1,1]; for losses of masks (N,C,H,W) logits, or truth in [0,1].
        w_plus: (N,L,D) code; of a target, the code to start from.
        noise: (N,C,h,w) or (1,C,h,w) maps that an optimiser moves.
        seen: (N,1,H,W) in [0,1], 0 where the picture does not reach; None where it reaches everywhere.
        behind: the target's picture, which shows where this one does not reach.
    """

    picture: Tensor
    w_plus: Tensor | None = None
    noise: Sequence[Tensor] = ()
    seen: Tensor | None = None
    behind: Tensor | None = None

    @property
    def whole(self) -> Tensor:
        """What networks look at: the picture, and the target where it does not reach, which is no difference."""
        if self.seen is None or self.behind is None:
            return self.picture
        return torch.lerp(self.behind, self.picture, self.seen.to(self.picture))


def the_picture(target: Drawn) -> tuple[Tensor, ...]:
    """What most losses take from a target."""
    return (target.picture,)


def the_start(target: Drawn) -> tuple[Tensor, ...]:
    """The code that a target comes with; whether it has one was checked (`Loss.needs`)."""
    return () if target.w_plus is None else (target.w_plus,)


def nothing(_target: Drawn) -> tuple[Tensor, ...]:
    """What losses without a target take from it."""
    return ()


@dataclass(frozen=True)
class Loss:
    """One loss, a picture at a time.

    Attributes:
        measure: (what was drawn, *everything that `prepare` gave) -> (N,); or (1,) where it is the same for all.
        prepare: target -> tensors with a row for each picture, made once however often `measure` looks at them.
        needs: what it looks at beside the picture.
    """

    measure: Callable[..., Tensor]
    prepare: Callable[[Drawn], tuple[Tensor, ...]] = the_picture
    needs: tuple[Need, ...] = ()
