"""So many at work, so many behind them, and no more."""

from __future__ import annotations

import asyncio
import threading

import pytest

from higan_cam.app.gate import BusyError, Gate


def test_the_next_one_is_sent_away_and_a_place_comes_free_again() -> None:
    async def visit() -> None:
        gate = Gate(working=1, waiting=1)
        async with gate.place(), gate.place():
            with pytest.raises(BusyError):
                async with gate.place():
                    raise AssertionError
        async with gate.place():
            assert await gate.work(lambda: 7) == 7

    asyncio.run(visit())


def test_no_more_work_at_once_than_was_said_and_errors_free_their_place() -> None:
    at_work, most = 0, 0
    lock = threading.Lock()

    def work(fail: bool) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        threading.Event().wait(0.005)
        with lock:
            at_work -= 1
        if fail:
            raise ValueError

    async def visit() -> None:
        gate = Gate(working=2, waiting=18)

        async def one(number: int) -> None:
            async with gate.place():
                await gate.work(work, number % 3 == 0)

        results = await asyncio.gather(*(one(number) for number in range(20)), return_exceptions=True)
        assert sum(isinstance(result, ValueError) for result in results) == 7
        async with gate.place():
            pass

    asyncio.run(visit())
    assert 1 <= most <= 2


def test_work_that_has_begun_is_waited_for_when_its_visitor_has_gone() -> None:
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        threading.Event().wait(0.1)
        ended.set()

    async def visit() -> None:
        gate = Gate(working=1, waiting=1)

        async def one() -> None:
            async with gate.place():
                await gate.work(work)

        task = asyncio.create_task(one())
        while not began.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(visit())
