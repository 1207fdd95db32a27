"""Adaptive augmentation: every operation against something else that computes it, and p follows the discriminator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch import Tensor

from higan_cam.train.gan.augment.ada import ADA_DRAWS, COLOURS, PLACES, ada, composed, next_chance, warped
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import start
from higan_cam.train.gan.steps import Steps
from higan_cam.train.settings import World

Build = Callable[..., GanSettings]
SIDE = 16


def pictures(count: int = 2, side: int = SIDE) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(count), dtype=torch.float64) * 2 - 1


def draws(count: int) -> Tensor:
    return torch.rand(count, ADA_DRAWS, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def only(name: str, *amounts: float) -> Tensor:
    """(1,ADA_DRAWS) with which that operation alone happens, by these numbers, where chance is below 1."""
    found: list[float] = []
    for other, operation in (PLACES | COLOURS).items():
        mine = other == name
        found += [0.0, *amounts] if mine else [1.0] * (1 + operation.numbers)
    return torch.tensor([found], dtype=torch.float64)


def did(image: Tensor, name: str, *amounts: float) -> Tensor:
    return ada(image, only(name, *amounts), real=True, chance=0.999)


def test_without_a_chance_pictures_stay_bit_for_bit() -> None:
    images = pictures(5).float()
    assert torch.equal(ada(images, draws(5), real=True, chance=0.0), images)


def test_a_flip_is_the_mirror_image_or_none() -> None:
    image = pictures(1)
    assert torch.equal(did(image, "flip", 0.7), image.flip(3))
    assert torch.equal(did(image, "flip", 0.2), image)


@pytest.mark.parametrize("number", range(4))
def test_quarter_turns_are_exact(number: int) -> None:
    image = pictures(1).float()
    assert torch.equal(did(image, "quarters", number / 4 + 0.1), torch.rot90(image, number, (2, 3)))


def test_a_whole_shift_moves_every_pixel_and_the_border_reflects() -> None:
    image = pictures(1)
    padded = np.pad(image.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="symmetric")
    found = did(image, "whole_shift", 0.99, 0.5)  # two of sixteen px to the right, not down
    np.testing.assert_array_equal(found.numpy(), padded[:, :, 2:-2, :-4])


def test_half_the_size_is_the_mean_of_two_by_two() -> None:
    image = pictures(1)
    half = torch.diag(torch.tensor([2.0, 2.0, 1.0], dtype=torch.float64))[None]
    means = torch.nn.functional.avg_pool2d(image, 2)
    torch.testing.assert_close(warped(image, half)[:, :, 4:-4, 4:-4], means)


def test_what_does_not_shrink_is_what_scipy_interpolates() -> None:
    image, angle = pictures(1), 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * 0.8
    inverse = torch.eye(3, dtype=torch.float64)[None].clone()
    inverse[0, :2, :2], inverse[0, :2, 2] = torch.from_numpy(turn), torch.tensor([3.3, -1.7])
    middle = np.arange(SIDE) + 0.5 - SIDE / 2
    x, y = np.meshgrid(middle, middle)
    across, down = (turn[row, 0] * x + turn[row, 1] * y + float(inverse[0, row, 2]) for row in (0, 1))
    places = [down + SIDE / 2 - 0.5, across + SIDE / 2 - 0.5]
    expected = [ndimage.map_coordinates(part, places, order=1, mode="reflect") for part in image[0].numpy()]
    np.testing.assert_allclose(warped(image, inverse)[0].numpy(), expected, atol=1e-12)


def test_shrinking_a_checkerboard_leaves_grey_and_no_pattern() -> None:
    board = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)).remainder(2).double() * 2 - 1
    shrink = torch.diag(torch.tensor([1.9, 1.9, 1.0], dtype=torch.float64))[None]
    found = warped(board.expand(1, 3, SIDE, SIDE), shrink)
    assert found.abs().max() < 0.3  # where the border folds; without the mean of four it is 1


@pytest.mark.parametrize(
    ("name", "amounts", "part"),
    [
        ("one_scale", (0.9,), (0, 0, 2**-0.2563)),
        ("two_scales", (0.9,), (0, 0, 2**-0.2563)),
        ("two_scales", (0.9,), (1, 1, 2**0.2563)),
        ("turn_before", (0.75,), (1, 0, 1.0)),
        ("turn_after", (0.25,), (1, 0, -1.0)),
        ("shift", (0.9, 0.5), (0, 2, -1.28155 * SIDE / 8)),
    ],
)
def test_places_are_moved_as_far_as_the_paper_says(
    name: str, amounts: tuple[float, ...], part: tuple[int, int, float]
) -> None:
    number = torch.tensor([amounts], dtype=torch.float64)
    row, column, expected = part
    assert float(PLACES[name].matrix(number, SIDE)[0, row, column]) == pytest.approx(expected, abs=1e-4)


def test_colours_are_changed_as_by_hand() -> None:
    image = pictures(1)
    grey, spread = image.mean(dim=1, keepdim=True), float(stats.norm.ppf(0.8))
    expected = {
        "brightness": image + 0.2 * spread,
        "contrast": image * 2 ** (0.5 * spread),
        "luma_flip": image - 2 * grey,
        "saturation": grey + (image - grey) * 2**spread,
    }
    for name, changed in expected.items():
        torch.testing.assert_close(did(image, name, 0.8), changed)


def test_a_third_of_the_way_round_the_hues_red_is_green() -> None:
    image = pictures(1)
    torch.testing.assert_close(did(image, "hue", 0.5 + 1 / 3), image.roll(1, dims=1))


def test_each_operation_happens_as_often_as_asked_and_the_two_turns_together() -> None:
    numbers = torch.rand(4000, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    turns = {name: PLACES[name] for name in ("turn_before", "turn_after")}
    flips = {"luma_flip": COLOURS["luma_flip"]}
    for operations, expected in ((turns, 0.3), (flips, 0.15)):
        found = composed(operations, numbers, 0.3, SIDE)
        changed = (found != torch.eye(found.shape[1], dtype=found.dtype)).any(dim=(1, 2)).double().mean()
        assert float(changed) == pytest.approx(expected, abs=0.03)


def test_gradients_pass_twice_through_every_operation_at_once() -> None:
    images, numbers = pictures(2, 4).requires_grad_(), draws(2)
    assert not torch.equal(ada(images, numbers, real=True), images)
    assert torch.autograd.gradcheck(lambda x: ada(x, numbers, real=True), images)
    assert torch.autograd.gradgradcheck(lambda x: ada(x, numbers, real=True).square(), images)


def test_p_rises_where_the_discriminator_is_too_sure_and_stays_in_its_range() -> None:
    assert next_chance(0.2, 0.7, 0.6, 0.1) == pytest.approx(0.3)
    assert next_chance(0.2, 0.5, 0.6, 0.1) == pytest.approx(0.1)
    assert next_chance(0.2, 0.6, 0.6, 0.1) == 0.2
    assert (next_chance(0.95, 1.0, 0.6, 0.1), next_chance(0.05, -1.0, 0.6, 0.1)) == (1.0, 0.0)


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
def test_p_of_a_run_goes_one_way_per_four_steps_and_is_told(loss: str, build: Build, pictures: Pictures) -> None:
    settings = build(augment="ada", ada_kimg=0.1, ada_target=-0.999, loss=loss, images=64)
    state = fit_gan(settings, pictures, lambda _: None)
    told = Steps(settings, state, pictures, World()).numbers(8)
    assert -1 < told["real_sign"] <= 1
    assert told["augment_p"] == state.chance == pytest.approx(2 * 32 / 100)


def test_two_workers_judge_what_one_does(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, logits = build(augment="ada"), torch.tensor([1.0, -2.0, 3.0, 0.5, 0.1, -0.1, 0.0, 4.0])
    everyone = logits.sign().sum()
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda value: value.copy_(everyone))
    none = Pictures(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((0, 8, 8, 3), np.uint8), "", ())
    found = []
    for world, mine in ((World(), logits), (World(0, 2), logits[:4]), (World(1, 2), logits[4:])):
        steps = Steps(settings, start(settings), none, world)
        steps._count(mine)
        found.append((steps.state.signs, steps.state.judged))
    assert found == [(3.0, 8)] * 3
