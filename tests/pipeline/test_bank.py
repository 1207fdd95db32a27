"""A run's samples lend their heat: read once, frozen, bounded, and refused where they say nothing of these pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from higan_cam.config import parse_config
from higan_cam.errors import ConfigError, DataError, StoreError
from higan_cam.generate.images import from_uint8
from higan_cam.mask.student import Student, load_student
from higan_cam.mask.student.absent import heat_of_similar, thumbnails
from higan_cam.pipeline import bank as banks
from higan_cam.pipeline.bank import FULL, bank_shards, freeze_bank, read_bank
from higan_cam.store import begin_run, open_store
from higan_cam.store.keys import BANK_KEY
from higan_cam.store.store import Store
from higan_cam.types import ByteArray, Sample
from tests.support.samples import commit_run, sample_of

SIDE = 64


def picture(index: int) -> ByteArray:
    return np.random.Generator(np.random.Philox(index)).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def sample(index: int) -> Sample:
    """A picture of its own, with the same heat all over: a tenth of its number."""
    kept = sample_of(index, SIDE)
    return replace(kept, original=picture(index), heat=np.full((SIDE, SIDE), index / 10, np.float32))


@pytest.fixture(scope="module")
def student() -> Student:
    return load_student()


@pytest.fixture
def output(tmp_path: object) -> Store:
    """Where the bank is to lie."""
    return open_store(f"{tmp_path}/output")


@pytest.fixture
def run(tmp_path: object) -> Store:
    """Six samples, of which the first has no mask, in two shards."""
    store = open_store(f"{tmp_path}/run")
    commit_run(store, [replace(sample(5), status="empty"), *map(sample, range(5))])
    return store


def test_what_is_frozen_are_thumbnails_and_heat_of_the_samples_with_a_mask(
    run: Store, student: Student, output: Store
) -> None:
    freeze_bank(output, run, bank_shards(run, student), student)
    bank = read_bank(output)
    order = (bank.heat[:, 0, 0].float() / FULL * 10).round().int().tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    torch.testing.assert_close(bank.known, thumbnails(from_uint8(np.stack([picture(i) for i in order]))))
    assert bank.heat.shape == (5, student.side // 2, student.side // 2)
    nearest = heat_of_similar(from_uint8(picture(3)[None]), bank.known, bank.heat, 1) / FULL
    assert float(nearest.mean()) == pytest.approx(0.3, abs=1 / FULL)
    assert float(bank.heat_of(from_uint8(picture(3)[None])).mean()) == pytest.approx(0.2, abs=1 / FULL)


def test_a_bank_is_read_once_and_stays_what_it_was(run: Store, student: Student, output: Store) -> None:
    shards = bank_shards(run, student)
    freeze_bank(output, run, shards, student)
    before = output.get(BANK_KEY)
    freeze_bank(output, open_store(f"{run.uri}-gone"), shards, student)
    assert output.get(BANK_KEY) == before


def test_a_bank_holds_so_many_samples_and_no_more(
    run: Store, student: Student, output: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banks, "LIMIT", 1)
    freeze_bank(output, run, bank_shards(run, student), student)
    assert len(read_bank(output)) == 1


def test_a_run_without_masks_is_refused(student: Student, output: Store, tmp_path: object) -> None:
    bare = open_store(f"{tmp_path}/bare")
    begin_run(bare, parse_config({}))
    with pytest.raises(DataError, match="has no masks yet"):
        bank_shards(bare, student)
    empty = open_store(f"{tmp_path}/empty")
    commit_run(empty, [replace(sample(0), status="empty")])
    with pytest.raises(DataError, match=r"no sample of .* has a mask"):
        freeze_bank(output, empty, bank_shards(empty, student), student)
    assert not output.exists(BANK_KEY)


def test_a_run_of_another_attribute_is_refused(run: Store, student: Student) -> None:
    with pytest.raises(ConfigError, match=r"are of 'indoor_lighting', those of the student of 'clouds'"):
        bank_shards(run, replace(student, attribute="clouds"))


def test_what_is_no_run_or_no_bank_is_named(student: Student, output: Store) -> None:
    with pytest.raises(StoreError, match="not a run"):
        bank_shards(output, student)
    output.put(BANK_KEY, b"{}")
    with pytest.raises(StoreError, match=r"bank\.safetensors cannot be read"):
        read_bank(output)
