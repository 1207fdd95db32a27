"""Whose a failure is, how many a unit may have, and when one hangs: arithmetic, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from higan_cam.runtime.crew.ledger import FIRST_LIMIT_S, LEAST_LIMIT_S, START, START_LIMIT_S, Ledger, Process

ONE = Process(pid=11, born=1, node="a", host="ada")
OTHER = Process(pid=22, born=2, node="b", host="bob")


@dataclass
class World:
    """Time, and which nodes are alive."""

    now: float = 0.0
    nodes: set[str] = field(default_factory=lambda: {"a", "b"})

    def ledger(self, hang_timeout_s: float | Literal["auto"] = 10.0) -> Ledger:
        return Ledger(hang_timeout_s, lambda: self.nodes, lambda: self.now)


@pytest.fixture
def world() -> World:
    return World()


def test_every_failure_makes_the_next_attempt_one_more(world: World) -> None:
    ledger = world.ledger()
    assert ledger.begin("data-00003", ONE).attempt == 1
    ledger.failed("data-00003", ONE, "ValueError: no")
    verdict = ledger.begin("data-00003", OTHER)
    assert (verdict.attempt, verdict.failures) == (2, ("ValueError: no",))


def test_a_process_that_died_at_work_is_a_failure_of_its_unit_that_names_process_and_host(world: World) -> None:
    ledger = world.ledger()
    ledger.begin("scores-00001", ONE)
    verdict = ledger.begin("scores-00001", OTHER)
    assert verdict.attempt == 2
    assert "worker process 11 on ada died" in verdict.failures[0]


def test_a_unit_that_only_waited_behind_the_dead_one_is_not_charged(world: World) -> None:
    ledger = world.ledger()
    ledger.begin("data-00001", ONE)
    assert ledger.lost("data-00002").attempt == 1
    assert ledger.lost("data-00001", "the actor died").attempt == 2
    assert ledger.lost("data-00001").attempt == 2


def test_going_down_with_the_node_is_nobodys_fault_even_when_that_is_known_later(world: World) -> None:
    ledger = world.ledger()
    ledger.begin("data-00001", ONE)
    assert ledger.lost("data-00001").attempt == 2
    world.nodes = {"b"}
    assert ledger.begin("data-00001", OTHER).attempt == 1


def test_a_unit_taken_over_is_not_put_down_by_its_former_process(world: World) -> None:
    ledger = world.ledger()
    ledger.begin("data-00001", ONE)
    ledger.begin("data-00001", OTHER)
    ledger.failed("data-00001", ONE, "too late")
    ledger.done("data-00001", ONE)
    assert len(ledger.lost("data-00001").failures) == 2


def test_the_gpus_part_done_does_not_wipe_out_earlier_failures(world: World) -> None:
    ledger = world.ledger()
    ledger.begin("data-00001", ONE)
    ledger.failed("data-00001", ONE, "first")
    ledger.begin("data-00001", ONE)
    ledger.done("data-00001", ONE)
    assert ledger.begin("data-00001", OTHER).attempt == 2


def test_only_work_past_the_limit_is_late_and_being_ended_counts_once(world: World) -> None:
    ledger = world.ledger(10.0)
    ledger.begin("data-00001", ONE)
    world.now = 8.0
    ledger.begin("data-00002", OTHER)
    world.now = 11.0
    assert ledger.late() == [(ONE, "data-00001", 11.0)]
    ledger.killed(ONE, "hung")
    assert ledger.late() == []
    assert ledger.lost("data-00001").failures == ("hung",)


def test_a_process_without_a_unit_is_looked_at_once_per_limit(world: World) -> None:
    ledger = world.ledger(10.0)
    ledger.begin("data-00001", ONE)
    ledger.done("data-00001", ONE)
    world.now = 11.0
    assert ledger.late() == [(ONE, None, 11.0)]
    ledger.seen(ONE)
    assert ledger.late() == []
    world.now = 30.0
    ledger.forget(ONE)
    assert ledger.late() == []


def test_auto_takes_ten_times_the_longest_unit_within_bounds(world: World) -> None:
    ledger = world.ledger("auto")
    assert ledger.limit_s("data-00001") == FIRST_LIMIT_S
    ledger.begin("data-00001", ONE)
    world.now = 2.0
    ledger.done("data-00001", ONE)
    assert ledger.limit_s("data-00002") == LEAST_LIMIT_S
    ledger.begin("data-00002", ONE)
    world.now = 102.0
    ledger.done("data-00002", ONE)
    assert ledger.limit_s("data-00003") == 1000.0


def test_starting_a_worker_may_take_longer_and_says_nothing_about_units(world: World) -> None:
    ledger = world.ledger("auto")
    ledger.begin(START, ONE)
    ledger.begin(START, OTHER)
    ledger.done(START, ONE)
    assert ledger.limit_s("data-00001") == FIRST_LIMIT_S
    assert world.ledger(5.0).limit_s(START) == START_LIMIT_S
    assert ledger.begin(START, OTHER).attempt == 1


def test_the_file_for_stacks_is_the_one_of_the_last_report(world: World) -> None:
    ledger = world.ledger(1.0)
    ledger.begin("data-00001", replace(ONE, trace=5))
    ledger.done("data-00001", replace(ONE, trace=5))
    ledger.begin("data-00002", replace(ONE, trace=7))
    world.now = 2.0
    ((process, _, _),) = ledger.late()
    assert process.trace == 7


def test_blame_charges_a_unit_that_failed_outside_any_worker(world: World) -> None:
    ledger = world.ledger()
    assert ledger.blame("data-00001", "cannot be unpickled").failures == ("cannot be unpickled",)
