"""A stage's figures: what is shown, logged, and told to the lease; and that a driver without lease stops."""

from __future__ import annotations

import io
import json
import logging
import math
import threading
import time

import pytest
from rich.console import Console

from higan_cam.errors import LeaseLostError
from higan_cam.runtime import progress
from higan_cam.runtime.progress import Meters, Tally


def plain() -> Console:
    return Console(file=io.StringIO(), force_terminal=False)


def test_what_was_there_before_does_not_count_for_the_rate() -> None:
    tally = Tally(total=100, done=60)
    assert tally.rate == 0.0
    assert tally.remaining_s == math.inf
    began, _ = tally.marks[0]
    tally.marks[0] = (began - 10, 60)
    tally.add(20)
    assert tally.rate == pytest.approx(2.0, rel=0.1)
    assert tally.remaining_s == pytest.approx(10.0, rel=0.1)


def test_the_rate_forgets_units_that_are_long_done() -> None:
    tally = Tally(total=10**6)
    for _ in range(3000):
        tally.add(1)
    assert len(tally.marks) == 1000
    assert tally.marks[0][1] == 2001


def test_the_snapshot_is_json_and_counts_every_kind() -> None:
    meters = Meters(plain())
    with meters.stage("mask", total=10, done=4) as meter:
        meter.advance(2)
        meter.failed()
        meter.quarantined()
    figures = json.loads(json.dumps(meters.snapshot()))["mask"]
    assert meters.tallies["mask"].before == 4
    assert {name: figures[name] for name in ("done", "total", "failures", "quarantined")} == {
        "done": 6,
        "total": 10,
        "failures": 1,
        "quarantined": 1,
    }
    assert figures["rate"] > 0


def test_a_stage_ends_with_a_plain_line_that_names_the_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "higan_cam"), Meters(plain(), run="abc").stage("label", 8, 0) as meter:
        meter.advance(8)
    assert caplog.messages[-1].startswith("run=abc stage=label done=8/8 rate=")
    assert caplog.messages[-1].endswith("eta_s=0 failures=0 quarantined=0")


def test_a_line_comes_in_time_though_no_unit_is_done(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.01)
    with caplog.at_level(logging.INFO, "higan_cam"), Meters(plain(), run="abc").stage("label", 8, 2):
        until = time.monotonic() + 30
        while len(caplog.messages) < 2 and time.monotonic() < until:
            time.sleep(0.01)
    assert all("stage=label done=2/8 rate=0.0/s eta_s=unknown" in line for line in caplog.messages)
    assert len(caplog.messages) >= 3
    assert not [each for each in threading.enumerate() if each.name == "progress"]


def test_a_terminal_gets_a_bar_with_failures() -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    with Meters(console).stage("mask", 8, 0) as meter:
        meter.advance(8)
        meter.failed()
        meter.quarantined()
    assert "8/8" in shown.getvalue()
    assert "1 failed attempts, 1 units quarantined" in shown.getvalue()


def test_a_driver_that_has_lost_the_output_stops_at_the_next_unit() -> None:
    def guard() -> None:
        raise LeaseLostError("another driver")

    with pytest.raises(LeaseLostError), Meters(plain(), guard).stage("mask", 8, 0) as meter:
        meter.advance(1)
