"""Augmentations: differentiable, each picture's own, alike for reals and samples where they must be."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.train.gan.augment import AUGMENTATIONS, DRAWS, classic, diffaugment, draws_of

NEUTRAL = torch.tensor([[0.5, 0.5, 0.5, 0.5, 0.5, 0.99999, 0.99999, 0.0]])
"""Brightness and contrast as they are, saturation too, no shift, the hole in the far corner."""


def pictures(count: int = 3, side: int = 16) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(count)) * 2 - 1


def draws(count: int = 3, numbers: int = DRAWS) -> Tensor:
    return torch.rand(count, numbers, generator=torch.Generator().manual_seed(7))


def test_neutral_numbers_leave_all_but_the_hole_as_it_was() -> None:
    image = pictures(1)
    found = diffaugment(image, NEUTRAL, real=True)
    torch.testing.assert_close(found[:, :, :11, :11], image[:, :, :11, :11])
    assert (found[:, :, 12:, 12:] == 0).all()


def test_a_shift_is_by_whole_pixels_up_to_an_eighth() -> None:
    image = pictures(1)
    least = NEUTRAL.clone()
    least[0, 3] = 0.0  # as far up as it goes: two pixels of sixteen
    found = diffaugment(image, least, real=True)
    torch.testing.assert_close(found[:, :, 2:11, :11], image[:, :, :9, :11])
    assert (found[:, :, :2] == 0).all()


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_a_picture_is_augmented_the_same_whatever_is_beside_it(name: str) -> None:
    images, numbers = pictures(), draws(3, draws_of(name))
    whole = AUGMENTATIONS[name](images, numbers, real=True)
    for one in range(3):
        alone = AUGMENTATIONS[name](images[one : one + 1], numbers[one : one + 1], real=True)
        torch.testing.assert_close(alone[0], whole[one])


def test_reals_and_samples_are_treated_alike_by_diffaugment_and_not_by_classic() -> None:
    images, numbers = pictures(), draws()
    torch.testing.assert_close(diffaugment(images, numbers, real=True), diffaugment(images, numbers, real=False))
    assert classic(images, numbers, real=False) is images
    assert not torch.equal(classic(images, numbers, real=True), images)


@pytest.mark.parametrize("name", ["classic", "diffaugment"])
def test_gradients_pass_twice(name: str) -> None:
    images = pictures(2, 8).double().requires_grad_()
    numbers = draws(2).double()
    assert torch.autograd.gradcheck(lambda x: AUGMENTATIONS[name](x, numbers, real=True), images)
    assert torch.autograd.gradgradcheck(lambda x: AUGMENTATIONS[name](x, numbers, real=True).square(), images)


def test_what_classic_brings_in_is_black() -> None:
    moved = torch.zeros(1, DRAWS)
    moved[0, :4] = torch.tensor([0.9, 0.5, 0.0, 0.5])  # not mirrored, not turned, across as far as it goes
    found = classic(torch.ones(1, 3, 16, 16), moved, real=True)
    assert (found[..., 0] == -1).all() or (found[..., -1] == -1).all()
