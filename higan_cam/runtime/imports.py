"""Heavy imports without the cyclic garbage collector.

It looks through all objects again and again while PyTorch makes some hundred thousands that stay: a quarter of what its
import takes, in every process of a run (tests/benchmarks/README.md, "Start-up").
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """No garbage collection in the block; afterwards as before."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
