"""What an inpainter learns from: pairs, parts of pairs, mirrored pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import DataError, StoreError
from higan_cam.store.store import Store, open_store
from higan_cam.train.inpaint.data import (
    Pairs,
    choose_regions,
    draw_examples,
    examples,
    fingerprint,
    read_pairs,
    region_shares,
)
from higan_cam.train.inpaint.settings import InpaintSettings
from tests.train.inpaint.planted import DARK, GAIN, SIDE, planted_sample, square

Settings = Callable[..., InpaintSettings]


def unit(level: float) -> float:
    return level / 127.5 - 1


def row_of(pairs: Pairs, index: int) -> Tensor:
    return torch.tensor([pairs.index.tolist().index(index)])


def no_flip(count: int = 1) -> Tensor:
    return torch.zeros(count, dtype=torch.bool)


def test_splits_are_read_apart_and_samples_without_a_region_left_out(planted: Store, pairs: Pairs) -> None:
    test = read_pairs(planted, "test", SIDE)
    assert not set(test.index.tolist()) & set(pairs.index.tolist())
    assert len(test) == 6
    assert len(pairs) == 17, "18 samples, of which number 4 has no region"
    assert 4 not in pairs.index
    assert pairs.present.sum(dim=1).tolist() == [1 + index % 2 for index in pairs.index.tolist()]


def test_choosing_every_region_gives_the_pair_of_the_dataset(pairs: Pairs) -> None:
    batch = examples(pairs, row_of(pairs, 1), torch.tensor([[True, True, True]]), no_flip())
    sample = planted_sample(1)
    assert torch.equal(batch.mask[0, 0], torch.from_numpy(sample.mask / 255).float())
    torch.testing.assert_close(batch.lit[0], torch.from_numpy(sample.image).permute(2, 0, 1) / 127.5 - 1)
    assert batch.unlit.unique().tolist() == pytest.approx([unit(DARK)])


def test_choosing_one_region_lights_that_one_and_leaves_the_other_dark(pairs: Pairs) -> None:
    batch = examples(pairs, row_of(pairs, 1), torch.tensor([[True, False, False]]), no_flip())
    chosen, other = square(1), square(2)
    assert torch.equal(batch.mask[0, 0] > 0, torch.from_numpy(chosen))
    lit = batch.lit[0].numpy()
    assert lit[:, chosen].min() == pytest.approx(unit(DARK + GAIN), abs=0.02)
    assert lit[:, other].max() == pytest.approx(unit(DARK), abs=0.02)


def test_choosing_none_gives_the_unlit_picture_and_an_empty_mask(pairs: Pairs) -> None:
    batch = examples(pairs, row_of(pairs, 1), torch.zeros((1, 3), dtype=torch.bool), no_flip())
    assert not batch.mask.any()
    assert torch.equal(batch.lit, batch.unlit)


def test_a_flip_mirrors_picture_and_mask_alike(pairs: Pairs) -> None:
    rows = row_of(pairs, 3).repeat(2)
    batch = examples(pairs, rows, torch.ones((2, 3), dtype=torch.bool), torch.tensor([False, True]))
    for part in (batch.unlit, batch.mask, batch.lit):
        assert torch.equal(part[1], part[0].flip(2))
    assert not torch.equal(batch.mask[1], batch.mask[0])


def test_pictures_are_averaged_down_and_masks_become_shares_of_pixels(planted: Store) -> None:
    small = read_pairs(planted, "train", 8)
    batch = examples(small, row_of(small, 2), torch.ones((1, 3), dtype=torch.bool), no_flip())
    assert batch.lit.shape == (1, 3, 8, 8)
    # the square of sample 2 covers rows 11 to 14 and columns 1 to 4: half of pixels 5 and 7, all of pixel 6
    assert batch.mask[0, 0, :, 1].tolist() == pytest.approx([0, 0, 0, 0, 0, 0.5, 1, 0.5], abs=0.01)


def test_shares_sum_to_one_and_fall_with_distance() -> None:
    regions = np.zeros((3, 16, 16), np.bool_)
    regions[0, :, 0], regions[2, :, 15] = True, True
    shares = region_shares(regions, 2.0)
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    assert not shares[1].any(), "no region, no share"
    assert (np.diff(shares[0, 8]) < 0).all()
    np.testing.assert_allclose(shares[0], shares[2][:, ::-1])
    assert shares[0, 8, 0] > 0.99
    assert not region_shares(np.zeros((2, 4, 4), np.bool_), 1.0).any()


def test_regions_are_chosen_as_often_as_the_settings_say(small: Settings) -> None:
    present = torch.tensor([[True, True, False]]).repeat(20_000, 1)
    draws = torch.Generator().manual_seed(0)
    chosen = choose_regions(present, small(empty=0.2, part=0.4), draws)
    assert not (chosen & ~present).any()
    count = chosen.sum(dim=1)
    assert float((count == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    # of the parts a quarter came out empty and became all, a quarter is all
    assert float((count == 1).float().mean()) == pytest.approx(0.2, abs=0.01)


def test_a_step_draws_the_same_examples_whenever_it_is_made(pairs: Pairs, small: Settings) -> None:
    first, again, next_step = (draw_examples(pairs, small(), step) for step in (7, 7, 8))
    assert torch.equal(first.lit, again.lit)
    assert not torch.equal(first.lit, next_step.lit)


def test_other_samples_have_another_fingerprint_wherever_they_lie(planted: Store, tmp_path: Path) -> None:
    copy = open_store(tmp_path / "copy")
    keys = planted.list()
    for key in keys:
        copy.put(key, planted.get(key))
    assert fingerprint(copy) == fingerprint(planted)
    fewer = open_store(tmp_path / "fewer")
    for key in (key for key in keys if "00000" not in key):
        fewer.put(key, planted.get(key))
    assert fingerprint(fewer) != fingerprint(planted)


def test_a_folder_that_is_no_run_a_split_without_samples_and_small_pictures_are_refused(planted: Store) -> None:
    with pytest.raises(StoreError, match="not a run"):
        read_pairs(open_store("memory://nothing/here"), "train", SIDE)
    with pytest.raises(DataError, match=r"no sample with a region in the nowhere split \(0 shards\)"):
        read_pairs(planted, "nowhere", SIDE)
    with pytest.raises(DataError, match="size: 32 px is more than the dataset's 16 px"):
        read_pairs(planted, "train", 32)
