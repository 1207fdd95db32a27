"""The path between noise and picture, and the way back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.train.inpaint.flow import keyed_noise, noised, sample


def picture(seed: int) -> Tensor:
    return torch.randn((2, 3, 4, 4), generator=torch.Generator().manual_seed(seed))


def test_the_path_starts_at_the_picture_and_ends_at_the_noise() -> None:
    x0, noise = picture(0), picture(1)
    assert torch.equal(noised(x0, noise, torch.zeros(2)), x0)
    assert torch.equal(noised(x0, noise, torch.ones(2)), noise)
    half = noised(x0, noise, torch.tensor([0.5, 0.25]))
    torch.testing.assert_close(half[0], (x0 + noise)[0] / 2)
    torch.testing.assert_close(half[1], 0.75 * x0[1] + 0.25 * noise[1])


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_perfect_denoiser_brings_every_noise_to_the_picture(steps: int) -> None:
    x0 = picture(0)
    assert torch.equal(sample(lambda *_: x0, picture(1), steps), x0)


def test_sampling_visits_the_times_of_the_path_and_stays_on_it() -> None:
    x0, noise, visited = picture(0), picture(1), []

    def denoiser(x: Tensor, t: Tensor) -> Tensor:
        visited.append(float(t[0]))
        torch.testing.assert_close(x, noised(x0, noise, t))
        return x0

    sample(denoiser, noise, 4)
    assert visited == [1.0, 0.75, 0.5, 0.25]


def test_with_the_best_denoiser_of_gaussian_data_samples_get_the_deviation_of_the_data() -> None:
    deviation, count = 0.3, 4000

    def posterior_mean(x: Tensor, t: Tensor) -> Tensor:
        t = t[:, None, None, None]
        return x * (1 - t) * deviation**2 / ((1 - t) ** 2 * deviation**2 + t**2)

    noise = torch.randn((count, 1, 1, 1), generator=torch.Generator().manual_seed(3))
    drawn = sample(posterior_mean, noise, 400)
    assert float(drawn.std()) == pytest.approx(deviation, rel=0.05)
    few = sample(posterior_mean, noise, 4)
    assert float(few.std()) < deviation, "few steps tend to the mean"


def test_noise_of_a_row_depends_on_its_index_and_the_seed_alone() -> None:
    both = keyed_noise(0, torch.tensor([5, 9]), (3, 4, 4))
    assert torch.equal(keyed_noise(0, torch.tensor([9]), (3, 4, 4))[0], both[1])
    assert not torch.equal(keyed_noise(1, torch.tensor([9]), (3, 4, 4))[0], both[1])
    assert not torch.equal(both[0], both[1])
