"""What is planted is what was asked for, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.train.gan.planted import PLANTED, plant, ruin, spoil


def pictures(count: int = 16, side: int = 16) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(count)) * 1.8 - 0.9


def only(name: str, count: int = 16) -> Tensor:
    which = torch.zeros(count, len(PLANTED), dtype=torch.bool)
    which[:, PLANTED.index(name)] = True
    return which


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def test_nothing_asked_is_nothing_changed() -> None:
    images = pictures()
    assert torch.equal(plant(images, torch.zeros(16, 5, dtype=torch.bool), draw()), images)


@pytest.mark.parametrize("name", PLANTED)
def test_only_the_pictures_that_were_asked_for_change_and_stay_in_range(name: str) -> None:
    images, which = pictures(), only(name)
    which[8:] = False
    found = plant(images, which, draw())
    assert torch.equal(found[8:], images[8:])
    assert all(not torch.equal(found[place], images[place]) for place in range(8))
    assert found.abs().max() <= 1.0 + 1e-5


def test_a_flip_is_the_mirror_image() -> None:
    torch.testing.assert_close(plant(pictures(), only("flip"), draw()), pictures().flip(3), atol=1e-5, rtol=0)


def test_a_shift_is_by_whole_pixels() -> None:
    images = pictures()
    for image, found in zip(images, plant(images, only("shift"), draw()), strict=True):
        middle = image[:, 4:12, 4:12]
        places = [(i, j) for i in range(1, 8) for j in range(1, 8)]
        at = [
            place
            for place in places
            if (found[:, place[0] : place[0] + 8, place[1] : place[1] + 8] - middle).abs().max() < 1e-4
        ]
        assert len(at) == 1
        assert at != [(4, 4)]


def test_a_hole_is_black_or_grey_and_of_a_tenth_to_a_quarter_or_cut_by_the_border() -> None:
    images = pictures(64)
    changed = (plant(images, only("cut-out", 64), draw()) != images).any(dim=1)
    shares = changed.float().mean(dim=(1, 2))
    assert 0 < shares.min() <= shares.max() <= 0.3


def test_equal_seeds_plant_and_spoil_the_same() -> None:
    images, which = pictures(), torch.rand(16, 5) < 0.5
    assert torch.equal(plant(images, which, draw(3)), plant(images, which, draw(3)))
    assert torch.equal(spoil(images, images.flip(0), draw(3)), spoil(images, images.flip(0), draw(3)))
    assert not torch.equal(spoil(images, images.flip(0), draw(3)), spoil(images, images.flip(0), draw(4)))


def test_spoilt_pictures_still_show_what_they_are() -> None:
    smooth = torch.nn.functional.interpolate(pictures(16, 4), size=(16, 16), mode="bilinear")
    found = spoil(smooth, smooth.flip(0), draw())
    for one, image in zip(found, smooth, strict=True):
        assert torch.corrcoef(torch.stack([one.flatten(), image.flatten()]))[0, 1] > 0.5


def test_a_ruined_picture_has_its_spectrum_or_its_parts_and_no_longer_its_picture() -> None:
    images = 0.3 * pictures(64)
    found = ruin(images, draw())
    values = [torch.sort(part.flatten(1), dim=1)[0] for part in (found, images)]
    same_parts = (values[0] - values[1]).abs().amax(dim=1) < 1e-6
    sizes = [torch.fft.rfft2(part).abs() for part in (found, images)]
    same_spectrum = (sizes[0] - sizes[1]).abs().amax(dim=(1, 2, 3)) < 1e-2
    assert (same_parts ^ same_spectrum).all()
    assert 16 < same_parts.sum() < 48
    assert (found - images).abs().amax(dim=(1, 2, 3)).min() > 0.1
