"""What training on unpaired pictures changes, and what its networks make of a picture."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from higan_cam.relight.translator.curves import Curve
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.patches import ALONE, PatchDiscriminator
from higan_cam.train.translator.unpaired.pool import Pool
from higan_cam.train.translator.unpaired.settings import UnpairedSettings

BETAS = (0.5, 0.99)


class Direction(nn.Module):
    """One of the two: a network, the discriminator of what it makes, and pictures that it made earlier."""

    def __init__(self, settings: UnpairedSettings) -> None:
        super().__init__()
        self.network = TranslatorNetwork(settings.channels, settings.norm, condition=False)
        self.judge = PatchDiscriminator(seen=ALONE)
        self.pool = Pool(settings.pool, settings.side)


@dataclass
class Learner(Parts):
    """The mutable state of training.

    Attributes:
        on, off: the directions, named by what they make.
        averaged_on, averaged_off: moving averages of their networks, which ship.
        makers, judges: optimisers of both networks, and of both discriminators.
    """

    on: Direction
    off: Direction
    averaged_on: TranslatorNetwork
    averaged_off: TranslatorNetwork
    makers: torch.optim.Optimizer
    judges: torch.optim.Optimizer
    step: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the step."""
        averages: dict[str, Part] = {"averaged_on": self.averaged_on, "averaged_off": self.averaged_off}
        return {"on": self.on, "off": self.off, **averages, "makers": self.makers, "judges": self.judges}

    @property
    def made_by(self) -> list[nn.Parameter]:
        """Parameters of both networks."""
        return [*self.on.network.parameters(), *self.off.network.parameters()]

    @property
    def judged_by(self) -> list[nn.Parameter]:
        """Parameters of both discriminators."""
        return [*self.on.judge.parameters(), *self.off.judge.parameters()]


def start(settings: UnpairedSettings, device: str = "cpu") -> Learner:
    """A learner at step 0, on that device, with seeded random weights."""
    torch.manual_seed(settings.seed)
    on, off = (_direction(settings, device) for _ in range(2))
    averaged_on, averaged_off = (deepcopy(each.network).requires_grad_(False).eval() for each in (on, off))
    adam = partial(torch.optim.Adam, lr=settings.learning_rate, betas=BETAS)
    makers = adam([*on.network.parameters(), *off.network.parameters()])
    judges = adam([*on.judge.parameters(), *off.judge.parameters()])
    return Learner(on, off, averaged_on, averaged_off, makers, judges)


def _direction(settings: UnpairedSettings, device: str) -> Direction:
    made: Direction = Direction(settings).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made


def brightened(shown: Tensor, light: Tensor, curve: Curve) -> Tensor:
    """(N,3,S,S) display values in [0,1] -> the same with light added."""
    return curve.display(curve.light(shown) + light)


def darkened(shown: Tensor, density: Tensor, curve: Curve) -> Tensor:
    """(N,3,S,S) display values in [0,1] -> what is left when a filter of that density, >= 0, lies before their light.

    So nothing that is taken away has to be more than there is, and the answer can be as dark as it likes.
    """
    return curve.display(curve.light(shown) * torch.exp(-density))
