"""Where a generator's codes lie."""

from __future__ import annotations

import pytest
import torch

from higan_cam.generate import DCGAN, PGGAN, StyleGAN2, sample_latents
from higan_cam.invert import CodeStatistics, code_statistics
from tests.support.generators import small, small_latent


def test_sampled_codes_are_one_deviation_from_the_mean(generator: StyleGAN2, statistics: CodeStatistics) -> None:
    latents = torch.from_numpy(sample_latents(range(2000), 3, generator.z_dim))
    white = statistics.white(generator.truncate(generator.map(latents)))
    torch.testing.assert_close(white.mean(dim=0), torch.zeros_like(statistics.mean), atol=0.1, rtol=0)
    torch.testing.assert_close(white.std(dim=0), torch.ones_like(statistics.mean), atol=0.2, rtol=0)


def test_truncated_rows_have_their_own_centre_and_spread(generator: StyleGAN2, statistics: CodeStatistics) -> None:
    """What is found is a code after truncation: its rows spread psi times as far around another centre."""
    whole = code_statistics(small(StyleGAN2, truncation_psi=1.0).float(), samples=2000)
    torch.testing.assert_close(statistics.spread[:4], 0.6 * whole.spread[:4])
    torch.testing.assert_close(statistics.spread[4:], whole.spread[4:])
    centre = generator.truncation.w_avg + 0.6 * (whole.mean[0] - generator.truncation.w_avg)
    torch.testing.assert_close(statistics.mean[0], centre, atol=1e-4, rtol=1e-4)


def test_whitening_has_a_way_back(statistics: CodeStatistics, codes: torch.Tensor) -> None:
    torch.testing.assert_close(statistics.w_plus(statistics.white(codes)), codes, atol=1e-4, rtol=1e-4)


def test_coordinates_that_never_vary_stay_the_means() -> None:
    generator = small(StyleGAN2).float()
    generator.get_parameter("mapping.dense2.fc.weight").data[5:8] = 0
    statistics = code_statistics(generator, samples=200)
    assert statistics.varies.sum(dim=1).tolist() == [21] * 8
    anywhere = statistics.w_plus(torch.full((1, 8, 24), 9.0))
    assert torch.equal(anywhere[0, :, 5:8], statistics.mean[:, 5:8])
    assert torch.equal(statistics.white(anywhere)[0, :, 5:8], torch.zeros(8, 3))


def test_rows_without_any_truncated_spread_do_not_vary() -> None:
    statistics = code_statistics(small(StyleGAN2, truncation_psi=0.0).float(), samples=200)
    assert statistics.varies.any(dim=1).tolist() == [False] * 4 + [True] * 4


@pytest.mark.parametrize("factory", [PGGAN, DCGAN])
def test_generators_without_w_have_the_statistics_of_their_latents(factory: type[PGGAN] | type[DCGAN]) -> None:
    statistics = code_statistics(small_latent(factory).float(), samples=4000)
    assert statistics.mean.shape == (1, 16)
    torch.testing.assert_close(statistics.spread, torch.ones(1, 16), atol=0.06, rtol=0)


def test_statistics_are_the_same_every_time(generator: StyleGAN2, statistics: CodeStatistics) -> None:
    again = code_statistics(generator, samples=2000)
    assert torch.equal(torch.stack([again.mean, again.spread]), torch.stack([statistics.mean, statistics.spread]))


def test_one_code_has_no_spread(generator: StyleGAN2) -> None:
    with pytest.raises(ValueError, match="samples must be >= 2"):
        code_statistics(generator, samples=1)
