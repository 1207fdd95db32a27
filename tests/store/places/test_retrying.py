"""Requests are tried again while that can help: after growing random waits, for a limited time, and said in the log."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

import pytest

from higan_cam.store.places.retrying import RequestError, Retrying


@dataclass
class _Clock:
    """Time that passes by sleeping only."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """In place of the real one."""
    clock = _Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def _always(attempt: int) -> None:
    raise RequestError("SlowDown", "503 SlowDown: wait", "start again later", transient=True)


def test_waits_are_random_and_grow_to_ten_seconds_within_the_limit(clock: _Clock) -> None:
    with pytest.raises(RequestError, match=r"503 SlowDown: wait; \d+ tries"):
        Retrying(3600).call("write a", _always)
    assert all(wait <= min(10, 0.2 * 2**number) for number, wait in enumerate(clock.waits))
    assert len(set(clock.waits)) == len(clock.waits)
    assert 9 < max(clock.waits) <= 10
    assert clock.now <= 3600


def test_the_number_of_earlier_tries_is_known_to_the_request(clock: _Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "higan_cam")

    def third_time(attempt: int) -> int:
        if attempt < 2:
            _always(attempt)
        return attempt

    assert Retrying(60).call("write a", third_time) == 2
    assert [record.getMessage().split(" in ")[0] for record in caplog.records] == [
        "write a: 503 SlowDown: wait; try 2",
        "write a: 503 SlowDown: wait; try 3",
    ]


def test_what_waiting_cannot_cure_is_raised_at_once(clock: _Clock) -> None:
    def denied(attempt: int) -> None:
        raise RequestError("AccessDenied", "403", "ask for the right", transient=False)

    with pytest.raises(RequestError, match=r"^403$"):
        Retrying(60).call("write a", denied)
    assert clock.waits == []
