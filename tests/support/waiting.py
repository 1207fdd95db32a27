"""How long a test waits for what has to come."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 600.0
"""Enough for a slow hour of a shared machine; only what never comes takes as long."""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Poll until the condition holds; TimeoutError, saying what was awaited, when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)
