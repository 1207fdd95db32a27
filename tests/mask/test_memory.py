"""What an attribution holds at once does not grow with its steps, nor with its layers where it needs one at a time."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import pytest
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.mask.activation_difference import ActivationDifference
from higan_cam.mask.light_change import LightSteps
from higan_cam.mask.path import Path
from higan_cam.types import Attribution, SynthesisState
from tests.support.scorers import Pair, SmoothScore


class Counting:
    """A generator that counts how many of the pictures and tapped features it gave away are still held."""

    def __init__(self, generator: StyleGAN2) -> None:
        self.generator, self.held, self.most, self.given = generator, 0, 0, 0
        self.layer_resolutions = generator.layer_resolutions

    def synthesize(
        self, w_plus: Tensor, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[Tensor, dict[int, Tensor]]:
        image, tapped = self.generator.synthesize(w_plus, taps, start)
        self._count(image)
        return image, tapped

    def advance(
        self, w_plus: Tensor, stop: int, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[SynthesisState, dict[int, Tensor]]:
        state, tapped = self.generator.advance(w_plus, stop, taps, start)
        for features in tapped.values():
            self._count(features)
        return state, tapped

    def _count(self, tensor: Tensor) -> None:
        self.held, self.given = self.held + 1, self.given + 1
        self.most = max(self.most, self.held)
        weakref.finalize(tensor, self._release)

    def _release(self) -> None:
        self.held -= 1


def most_held(attribution: Attribution, generator: StyleGAN2, pair: Pair) -> tuple[int, int]:
    """(most held at once, given in all)."""
    counting = Counting(generator)
    attribution(counting, SmoothScore(), *pair)  # type: ignore[arg-type]
    assert counting.held == 0
    return counting.most, counting.given


@pytest.mark.parametrize("method", [Path, LightSteps])
def test_pictures_held_at_once_do_not_grow_with_the_steps(
    method: type[Path | LightSteps], generator: StyleGAN2, pair: Pair
) -> None:
    (few, first), (many, second) = (most_held(method(steps, 16), generator, pair) for steps in (2, 12))
    assert (first, second) == (3, 13)
    assert many == few <= 2


def test_features_held_at_once_do_not_grow_with_the_layers(generator: StyleGAN2, pair: Pair) -> None:
    one, every = (most_held(ActivationDifference(layers, 16), generator, pair) for layers in ((3,), (3, 4)))
    assert (one[1], every[1]) == (1, 2)
    assert every[0] <= 2
