"""What is kept from a layer's weights is what would be made now."""

from __future__ import annotations

import torch
from torch import Tensor

from higan_cam.generate.frozen import Frozen, frozen


class Doubler:
    """Twice a tensor, and how often that was worked out."""

    def __init__(self, *sources: Tensor) -> None:
        self.sources = sources
        self.kept: Frozen | None = None
        self.times = 0

    def __call__(self) -> tuple[Tensor, ...]:
        self.kept, made = frozen(self.kept, self.sources, self._make)
        return made

    def _make(self) -> tuple[Tensor, ...]:
        self.times += 1
        return tuple(2 * source for source in self.sources)


def test_frozen_sources_are_worked_out_once() -> None:
    doubler = Doubler(torch.ones(2), torch.ones(3))
    assert all((made == 2).all() for _ in range(3) for made in doubler())
    assert doubler.times == 1


def test_a_source_changed_in_place_is_noticed() -> None:
    first, second = torch.ones(2), torch.ones(3)
    doubler = Doubler(first, second)
    doubler()
    second.add_(1)
    assert (doubler()[1] == 4).all()


def test_another_tensor_in_a_sources_place_is_noticed() -> None:
    doubler = Doubler(torch.ones(2))
    doubler()
    doubler.sources = (torch.full((2,), 5.0),)
    assert (doubler()[0] == 10).all()


def test_a_source_whose_data_became_another_type_is_noticed() -> None:
    source = torch.ones(2)
    doubler = Doubler(source)
    doubler()
    source.data = source.data.half()  # what `Module.to` does: same object, same version
    assert doubler()[0].dtype == torch.float16


def test_what_is_trained_is_worked_out_every_time_and_gets_gradients() -> None:
    source = torch.ones(2, requires_grad=True)
    doubler = Doubler(source)
    doubler()
    (gradient,) = torch.autograd.grad(doubler()[0].sum(), source)
    assert doubler.times == 2
    assert (gradient == 2).all()


def test_what_was_kept_in_inference_mode_serves_gradients_later() -> None:
    doubler = Doubler(torch.ones(2))
    with torch.inference_mode():
        doubler()
    leaf = torch.ones(2, requires_grad=True)
    (leaf * doubler()[0]).sum().backward()
    assert doubler.times == 1
    assert leaf.grad is not None
