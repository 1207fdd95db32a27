"""The crew of the mask stage, with real actors that do nothing."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

import pytest
import ray

from higan_cam.config import RuntimeConfig
from higan_cam.errors import WorkersError
from higan_cam.runtime.crew.actors import Actors
from higan_cam.runtime.logs import RunLog
from higan_cam.runtime.plan import UNITS_AHEAD
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("local_ray")]
LOG = RunLog(logging.getLogger("higan_cam.test"), {})


class Idler:
    """Answers pings; ends when told to."""

    def ping(self) -> bool:
        return True

    def pid(self) -> int:
        return os.getpid()

    def end(self) -> None:
        os._exit(1)


class Stillborn:
    """Cannot be constructed."""

    def __init__(self) -> None:
        raise OSError("no such weights")

    def ping(self) -> bool:
        return True


def crew(kind: type = Idler, **options: float) -> Actors:
    runtime = RuntimeConfig(max_tries=2, start_timeout_s=options.pop("start_timeout_s", 600.0))
    worker = ray.remote(max_restarts=-1, **{"num_cpus": 0, **options})(kind)
    return Actors(runtime, worker.remote, LOG)


def until(actors: Actors, reached: Callable[[], bool]) -> None:
    """Tend the crew until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        ready, _ = ray.wait(actors.pings, num_returns=1, timeout=0.1) if actors.pings else ([], [])
        for reference in ready:
            actors.settle(reference)
        actors.tend()


def test_an_actor_gets_units_once_it_answers_and_no_more_than_it_can_hold() -> None:
    actors = crew()
    actors.grow(1)
    assert actors.free() is None
    until(actors, lambda: actors.free() is not None)
    number = actors.free()
    assert number is not None
    for _ in range(UNITS_AHEAD):
        actors.take(number)
    assert actors.free() is None
    actors.put(number)
    assert actors.free() == number
    actors.dismiss()


def test_one_that_died_at_work_gets_none_until_it_is_back() -> None:
    actors = crew()
    actors.grow(1)
    until(actors, lambda: actors.free() is not None)
    number = actors.free()
    assert number is not None
    before = ray.get(actors[number].pid.remote())
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actors[number].end.remote())
    actors.failed(number)
    assert actors.free() is None
    until(actors, lambda: actors.free() is not None)
    assert ray.get(actors[number].pid.remote()) != before
    actors.dismiss()


def test_release_lets_only_the_idle_go_and_frees_what_they_held() -> None:
    # Beside what other tests on this Ray may still hold.
    before = ray.available_resources().get("CPU", 0)
    actors = crew(num_cpus=1)
    actors.grow(2)
    until(actors, lambda: actors.free() == 0)
    actors.take(0)
    until(actors, lambda: actors.free() == 1)
    actors.release()
    assert len(actors) == 1
    assert ray.get(actors[0].pid.remote()) > 0
    wait_until(lambda: ray.available_resources().get("CPU", 0) >= before - 1, "the released actor gives its CPU back")
    actors.dismiss()


def test_actors_that_can_never_start_end_the_run_with_their_error() -> None:
    actors = crew(Stillborn)
    actors.grow(1)
    with pytest.raises(WorkersError, match="no such weights"):
        until(actors, lambda: False)


def test_actors_that_the_cluster_loses_are_replaced_more_than_max_tries_times() -> None:
    actors = crew(num_gpus=1)  # there is none: they wait for ever, until they are lost
    actors.grow(1)
    for number in range(2):
        ray.kill(actors[number])
        until(actors, lambda number=number: number + 1 in actors)  # type: ignore[misc]
    actors.dismiss()


def test_a_place_that_never_comes_is_an_error_that_names_the_timeout() -> None:
    actors = crew(num_gpus=1, start_timeout_s=0.5)
    actors.grow(1)
    with pytest.raises(WorkersError, match=r"0 GPUs .*runtime\.start_timeout_s"):
        until(actors, lambda: False)
    actors.dismiss()
