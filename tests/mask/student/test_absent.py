"""Similar pictures lend their heat; what is lit is left out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.mask.student.absent import SIDE, heat_of_similar, left_out, thumbnails


def pictures(count: int, seed: int = 0) -> Tensor:
    """Pictures of random squares that thumbnails keep."""
    coarse = torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) - 0.5
    return coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_brightness_contrast_and_hue_hardly_count() -> None:
    images = pictures(4)
    known = thumbnails(images)
    torch.testing.assert_close(known.norm(dim=1), torch.ones(4))
    for other in (0.3 * images + 0.2, images.roll(1, dims=1), 0.8 * images + torch.linspace(-0.2, 0.2, 64)):
        assert float((thumbnails(other) * known).sum(dim=1).min()) > 0.95
    assert float((known @ known.T).fill_diagonal_(0).max()) < 0.5
    assert not thumbnails(torch.full((1, 3, 32, 32), 0.4)).any()


def test_the_heat_is_that_of_the_pictures_most_alike() -> None:
    images, heat = pictures(6), torch.arange(6.0)[:, None, None].expand(6, 8, 8)
    noisy = images + 0.05 * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(heat_of_similar(noisy, thumbnails(images), heat, 1), heat)


def test_fewer_samples_than_neighbours_give_the_mean_of_all() -> None:
    heat = torch.rand(5, 8, 8)
    found = heat_of_similar(pictures(2), thumbnails(pictures(5, 3)), heat)
    torch.testing.assert_close(found, heat.mean(dim=0).expand(2, 8, 8))


def test_no_pictures_give_no_heat() -> None:
    assert heat_of_similar(pictures(3)[:0], thumbnails(pictures(2)), torch.rand(2, 8, 8)).shape == (0, 8, 8)


@pytest.mark.parametrize(("known", "heat"), [(0, 0), (3, 2)])
def test_heat_must_go_with_thumbnails(known: int, heat: int) -> None:
    with pytest.raises(ValueError, match="for each of 1 sample or more"):
        heat_of_similar(pictures(1), torch.zeros(known, 768), torch.zeros(heat, 8, 8))


def test_what_is_lit_is_left_out() -> None:
    heat, lit = torch.ones(1, 2, 2), torch.tensor([[[0.0, 0.49], [0.5, 1.0]]])
    assert left_out(heat, lit).tolist() == [[[1, 1], [0, 0]]]
