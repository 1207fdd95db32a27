"""So many at work, so many behind them, and the next one is sent away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


class BusyError(Exception):
    """Everything is taken; a little later it may not be."""


class Gate:
    """Bounds what one replica holds in memory: a request passes before its body is read.

    Args:
        working: threads at work at once.
        waiting: requests behind them.
    """

    def __init__(self, working: int, waiting: int) -> None:
        self._most, self._inside = working + waiting, 0
        self._threads = asyncio.Semaphore(working)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One place for the time of the block. BusyError: all are taken."""
        if self._inside >= self._most:
            raise BusyError
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def work(self, make: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Made:
        """Call it in a thread, once it is its turn. One that has begun is waited for, whoever has gone meanwhile."""
        async with self._threads:
            made = asyncio.get_running_loop().run_in_executor(None, partial(make, *given, **named))
            try:
                return await asyncio.shield(made)
            finally:
                while not made.done():  # a thread cannot be stopped: its turn and its memory are its own to the end
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([made])
