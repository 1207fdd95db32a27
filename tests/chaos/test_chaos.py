"""Faults at random points of real runs on a real cluster, in namespaces of the suite's own.

Four kinds: those that no other test brings to a whole run. Killed and frozen workers, actors and drivers are in
`tests/integration`. `HIGAN_CAM_CHAOS_KILLS=50` gives the nightly size, with every kind; `python -m tests.chaos` the
same by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import namespace
from tests.chaos.campaign import Pace, Plan, Settings, draw_plan
from tests.chaos.faults import FAULTS
from tests.chaos.outputs import LocalOutput, compare, digests, one_after_the_other
from tests.chaos.processes import descendants, is_running
from tests.chaos.results import table
from tests.support.s3_server import ServerMissingError, available_kind

IN_CI = ("node", "disk", "two", "store")
NIGHTLY = os.environ.get("HIGAN_CAM_CHAOS_KILLS")
CHOSEN = tuple(FAULTS) if NIGHTLY else IN_CI
MARKS = {"s3": pytest.mark.ceph}
QUICK = ("--seed", "8", "--outage", "8", "--stall", "40", "--whole-share", "0", "--stores", "local", "--untimed")
"""With this seed the second driver comes as soon as the first has begun, where it is sure to meet it; the others come
among the masks, so that two of three runs begin behind labels and fit."""


@pytest.fixture(scope="module")
def rounds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """One campaign of the faults that this session asks for; the rounds whose fault landed."""
    obstacle = namespace.obstacle()
    if obstacle:
        pytest.skip(f"chaos: {obstacle}")
    found = tmp_path_factory.mktemp("chaos") / "found.json"
    tests = (test for test in request.session.items if isinstance(test, pytest.Function))
    asked = {test.callspec.params["fault"] for test in tests if "rounds" in test.fixturenames}
    faults = [name for name in CHOSEN if name in asked and (FAULTS[name].on != "s3" or _has_durable_s3())]
    if not faults:
        return []
    size = ["--kills", NIGHTLY] if NIGHTLY else ["--kills", str(len(faults)), *QUICK]
    command = [sys.executable, "-m", "tests.chaos", "--json", str(found), "--faults", ",".join(faults), *size]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.is_file(), result.stdout + result.stderr
    played: list[dict[str, Any]] = json.loads(found.read_text())["rounds"]
    return played


def _has_durable_s3() -> bool:
    """moto forgets its objects when it is killed."""
    try:
        return available_kind() == "ceph"
    except ServerMissingError:
        return False


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.namespaces
@pytest.mark.parametrize("fault", [pytest.param(name, marks=MARKS.get(FAULTS[name].on, ())) for name in CHOSEN])
def test_a_disturbed_run_finishes_with_the_undisturbed_runs_bytes(fault: str, rounds: list[dict[str, Any]]) -> None:
    if FAULTS[fault].on == "s3" and not _has_durable_s3():
        pytest.skip("needs an S3 server that keeps its objects when it is killed (Ceph)")
    mine = [played for played in rounds if played["plan"]["fault"] == fault]
    assert mine, "the fault never came while a run was under way"
    for played in mine:
        assert played["finished"], f"{played['did']}, exits {played['exits']}:\n{played['tail']}"
        assert not any(played["difference"].values()), f"{played['did']}: {played['difference']}"


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.namespaces
@pytest.mark.parametrize("fault", ["two"])
def test_the_second_driver_refuses_and_the_first_goes_on(fault: str, rounds: list[dict[str, Any]]) -> None:
    mine = [played for played in rounds if played["plan"]["fault"] == fault]
    assert mine
    for played in mine:
        assert played["exits"] == [0]
        assert all(status not in (0, -9) for status in played["others"]), played["others"]


def test_every_way_to_differ_is_found(tmp_path: Path) -> None:
    for name, body in {"run.json": b"{}", "data/a": b"1", "data/b": b"2", "stats/x": b"3"}.items():
        (tmp_path / "left" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "left" / name).write_bytes(body)
    shutil.copytree(tmp_path / "left", tmp_path / "right")
    left, right = LocalOutput(tmp_path / "left"), LocalOutput(tmp_path / "right")
    right.put({"stats/x": b"other", "report/index.html": b"", "data/.c.1-2.tmp": b"half"})
    assert compare(digests(right.objects()), digests(left.objects())).none
    right.put({"data/a": b"other", "data/c": b""})
    (right.folder / "data/b").unlink()
    difference = compare(digests(right.objects()), digests(left.objects()))
    assert (difference.differing, difference.missing, difference.extra) == (("data/a",), ("data/b",), ("data/c",))


def test_points_depend_on_the_seed_alone_and_every_fault_gets_its_turn(tmp_path: Path) -> None:
    settings = Settings(tmp_path, seed=7, stores=("local", "s3"))
    plans = [draw_plan(settings, index) for index in range(50)]
    assert plans == [draw_plan(settings, index) for index in range(50)]
    assert {plan.fault for plan in plans} == set(FAULTS)
    assert draw_plan(settings, 3, draw=1) != plans[3]
    assert {plan.on for plan in plans if plan.fault == "driver"} == {"local", "s3"}
    assert len({(plan.stage, plan.shards) for plan in plans}) > 10


def test_on_a_slow_machine_a_unit_and_a_run_may_take_longer() -> None:
    def left(slowest: float) -> dict[str, bytes]:
        units = {f"stats/data-{shard:05d}.json": {"seconds": slowest / (1 + shard)} for shard in range(3)}
        return {key: json.dumps(body).encode() for key, body in units.items()} | {"stats/summary.json": b"{}"}

    assert Pace.of(20, left(0.5)) == Pace(10.0, 300.0)
    assert Pace.of(90, left(4.0)) == Pace(40.0, 900.0)
    assert Pace(10.0, 900.0).at_least(Pace(40.0, 300.0)) == Pace(40.0, 900.0)


def test_the_table_counts_what_is_not_as_it_should_be() -> None:
    plan = Plan(0, "driver", "data", 1, 0.0, "local", whole=False)
    good: dict[str, list[str]] = {"differing": [], "missing": [], "extra": []}
    bad = {"differing": ["a", "b"], "missing": ["c"], "extra": []}
    rounds = [
        {"plan": vars(plan), "finished": True, "difference": good, "lost_s": 3.0},
        {"plan": vars(plan), "finished": False, "difference": bad, "lost_s": 9.0},
    ]
    assert table(rounds).splitlines()[-1] == "| **all** | 2 | 1 | 2 | 1 | 0 | 6 (3 to 9) |"


def test_descendants_are_found_and_the_dead_are_not_running() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        sleeper = int(shell.stdout.readline())
        assert sleeper in {process.pid for process in descendants(os.getpid())}
        shell.kill()
        assert is_running(sleeper)
        os.kill(sleeper, 9)
    assert not is_running(shell.pid)


@pytest.mark.parametrize(
    ("since", "released", "after"),
    [("2026-01-01T00:00:09", True, True), ("2026-01-01T00:00:05", True, False), ("2026-01-01T00:00:09", False, False)],
)
def test_a_second_driver_that_came_when_the_first_had_let_go_is_no_second_one(
    since: str, released: bool, after: bool
) -> None:
    first = {"released": released, "since": "2026-01-01T00:00:00", "renewed": "2026-01-01T00:00:08"}
    second = {"released": True, "since": since, "renewed": "2026-01-01T00:00:10"}
    held = {f"stats/lease/{number:06d}.json": json.dumps(each).encode() for number, each in enumerate((first, second))}
    assert one_after_the_other(held) == after
    assert not one_after_the_other({"stats/lease/000001.json": json.dumps(first).encode()})
