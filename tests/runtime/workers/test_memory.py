"""Out of memory halves the micro-batch, with errors as the allocators really raise them."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from higan_cam.config import RunConfig, config_hash, load_config
from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.workers.memory import is_out_of_memory, reduced, within_memory

LOG = RunLog(logging.getLogger("higan_cam.test"), {"run": "abc"})


@pytest.fixture
def config() -> RunConfig:
    return load_config(None, ["mask.micro_batch=12"])


def too_much_memory() -> None:
    """2 EB of float32, which no CPU allocator gives."""
    torch.empty(2**59)


def test_torchs_real_refusal_on_the_cpu_counts_as_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        too_much_memory()
    assert is_out_of_memory(caught.value)


def test_numpys_real_refusal_counts_as_out_of_memory() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**59, np.float32)
    assert is_out_of_memory(caught.value)


def test_other_errors_do_not_count() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("not enough memory"))


def test_the_micro_batch_is_halved_until_it_fits_and_every_step_is_logged(
    config: RunConfig, caplog: pytest.LogCaptureFixture
) -> None:
    def compute(tried: RunConfig) -> int:
        if tried.mask.micro_batch > 3:
            too_much_memory()
        return tried.mask.micro_batch

    with caplog.at_level(logging.WARNING, "higan_cam"):
        assert within_memory(config, "mask", LOG.of(shard=4), compute) == (3, 3)
    lines = [record.getMessage().partition(" for this unit")[0] for record in caplog.records]
    assert lines == [
        "run=abc shard=4 out of memory, micro_batch=12 becomes 6",
        "run=abc shard=4 out of memory, micro_batch=6 becomes 3",
    ]


def test_one_sample_that_does_not_fit_is_the_allocators_error(config: RunConfig) -> None:
    with pytest.raises(RuntimeError, match="memory"):
        within_memory(config, "mask", LOG, lambda _: too_much_memory())


def test_only_a_reduced_micro_batch_is_recorded(config: RunConfig) -> None:
    assert reduced(config, "mask", 12) == {}
    assert reduced(config, "mask", 6) == {"micro_batch": 6}


def test_the_runs_own_configuration_stays_as_it_is(config: RunConfig) -> None:
    before = config_hash(config)
    seen = []
    within_memory(config, "label", LOG, lambda tried: seen.append(tried.label.micro_batch))
    assert config_hash(config) == before
    assert seen == [config.label.micro_batch]
