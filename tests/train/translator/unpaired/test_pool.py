"""The history of samples against what the papers say of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.train.translator.unpaired.pool import Pool


def numbered(*numbers: int) -> Tensor:
    """Pictures whose every pixel is their number."""
    return torch.tensor(numbers, dtype=torch.float32)[:, None, None, None].expand(-1, 3, 2, 2)


def draw() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(4))


def test_a_pool_that_is_not_full_shows_what_comes_and_keeps_it() -> None:
    pool = Pool(4, 2)
    assert torch.equal(pool.exchange(numbered(1, 2, 3), draw()), numbered(1, 2, 3))
    assert pool.pictures[:, 0, 0, 0].tolist() == [1, 2, 3, 0]


def test_a_full_pool_shows_an_old_picture_every_other_time_and_keeps_the_new_one_for_it() -> None:
    pool, made, source = Pool(50, 2), range(4050), draw()
    shown = torch.cat([pool.exchange(numbered(number), source)[:, 0, 0, 0] for number in made])
    old = (shown != torch.arange(4050))[50:]
    assert float(old.float().mean()) == pytest.approx(0.5, abs=4 * 0.5 / 4000**0.5)  # four standard deviations
    there = set(map(int, pool.pictures[:, 0, 0, 0].tolist()))
    assert there.isdisjoint(map(int, shown[50:].tolist()))  # shown again at most once
    assert len(there) == 50


def test_without_a_size_there_is_no_history() -> None:
    assert torch.equal(Pool(0, 2).exchange(numbered(1, 2), draw()), numbered(1, 2))


def test_nothing_is_derived_through_a_pool() -> None:
    made = numbered(1, 2).clone().requires_grad_()
    assert not Pool(1, 2).exchange(made * 2, draw()).requires_grad


def test_a_pool_goes_on_from_what_it_held() -> None:
    whole, source = Pool(3, 2), draw()
    for number in range(10):
        whole.exchange(numbered(number), source)
    other = Pool(3, 2)
    other.load_state_dict(whole.state_dict())
    again = [pool.exchange(numbered(20, 21, 22), draw()) for pool in (whole, other)]
    assert torch.equal(*again)
