"""Out of memory on a worker: the unit goes on with half the micro-batch, and says so.

A smaller micro-batch gives results within the stated tolerance of the configured one, not the same bytes. So it is
recorded in the shard's manifest entry, and it holds for that unit alone.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Literal, TypeVar

import torch

from higan_cam.config import RunConfig
from higan_cam.runtime.logs import RunLog

T = TypeVar("T")
Stage = Literal["label", "invert", "mask"]
_SIGNS = ("not enough memory", "can't allocate memory", "out of memory", "alloc_failed")
"""What allocators say that raise a plain RuntimeError: torch's on the CPU, and CUDA's libraries."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory, on the device or on the host, did not suffice."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def with_micro_batch(config: RunConfig, stage: Stage, size: int) -> RunConfig:
    """The configuration with another micro-batch for one stage. For computing only: its hash is another run's."""
    section = getattr(config, stage).model_copy(update={"micro_batch": size})
    return config.model_copy(update={stage: section})


def within_memory(config: RunConfig, stage: Stage, log: RunLog, compute: Callable[[RunConfig], T]) -> tuple[T, int]:
    """`compute(config)` with the largest micro-batch that fits, halving it from the configured one; and that size.

    Raises:
        Exception: whatever `compute` raises for another reason, or with a micro-batch of one.
    """
    size = int(getattr(config, stage).micro_batch)
    while True:
        try:
            return compute(with_micro_batch(config, stage, size)), size
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            log.warning("out of memory, micro_batch=%d becomes %d for this unit: %s", size, size // 2, error)
        size //= 2
        # Outside the handler: its traceback holds the tensors of the attempt.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def reduced(config: RunConfig, stage: Stage, size: int) -> dict[str, int]:
    """What the manifest entry says about it: nothing, where the configured micro-batch was used."""
    return {} if size == getattr(config, stage).micro_batch else {"micro_batch": size}
