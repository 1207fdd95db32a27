"""A network that draws pictures, its moving average, and a discriminator of patches beside it where one is wanted."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from higan_cam.losses.adversarial import GAMES
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.optimise import descend
from higan_cam.train.patches import PatchDiscriminator
from higan_cam.train.settings import World

N = TypeVar("N", bound=nn.Module)
LARGEST_GRADIENT = 5.0
"""Longer ones are shortened to it."""
WARMUP = 32
"""One in so many steps warms up."""
BETAS, OF_JUDGE = (0.9, 0.99), (0.5, 0.99)
"""Of Adam."""


@dataclass
class Learner(Parts, Generic[N]):
    """The mutable state of training.

    Attributes:
        network: the weights that move; averaged: their moving average, which ships.
        judge, of_judge: of patches, and its optimiser; None without one.
    """

    network: N
    averaged: N
    optimizer: torch.optim.Optimizer
    judge: PatchDiscriminator | None
    of_judge: torch.optim.Optimizer | None
    step: int = 0

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the step."""
        parts: dict[str, Part] = {"network": self.network, "averaged": self.averaged, "optimizer": self.optimizer}
        if self.judge is not None and self.of_judge is not None:
            parts |= {"judge": self.judge, "of_judge": self.of_judge}
        return parts

    @property
    def moving(self) -> list[torch.optim.Optimizer]:
        """The optimisers there are."""
        return [self.optimizer, *([self.of_judge] if self.of_judge is not None else [])]

    def play(self, before: Tensor, made: Tensor, true: Tensor, world: World) -> Tensor:
        """The judge, who sees what was `before` beside, learns on pictures made; what the network then loses.

        Args:
            before: (B,C,S,S); made, true: (B,3,S,S) in [-1,1].

        Raises:
            ValueError: there is no judge.
        """
        judge, of_judge, game = self.judge, self.of_judge, GAMES["non_saturating"]
        if judge is None or of_judge is None:
            raise ValueError("a learner without a judge cannot play")
        judge.requires_grad_(True)
        against = game.discriminator(judge.logits(before, true), judge.logits(before, made.detach()))
        descend(against, of_judge, judge.parameters(), LARGEST_GRADIENT, world)
        judge.requires_grad_(False)
        return game.generator(against.detach(), judge.logits(before, made))


def learner_of(network: N, learning_rate: float, judge: PatchDiscriminator | None) -> Learner[N]:
    """At step 0; the average begins as the network."""
    averaged = deepcopy(network).requires_grad_(False).eval()
    adam = partial(torch.optim.Adam, lr=learning_rate)
    of_judge = None if judge is None else adam(judge.parameters(), betas=OF_JUDGE)
    return Learner(network, averaged, adam(network.parameters(), betas=BETAS), judge, of_judge)
