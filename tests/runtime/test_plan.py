"""Units and crews are decided by arithmetic alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import RuntimeConfig, parse_config
from higan_cam.errors import ConfigError
from higan_cam.runtime.plan import in_flight_limit, plan_again, plan_crew, plan_units

AUTO = RuntimeConfig()


@given(st.integers(1, 5000), st.integers(1, 700))
def test_units_cover_every_sample_once_and_in_order(count: int, size: int) -> None:
    units = plan_units(count, size)
    assert [index for unit in units for index in unit.indices] == list(range(count))
    assert [unit.shard for unit in units] == list(range(len(units)))
    assert all(len(unit.indices) == size for unit in units[:-1])


def test_a_cluster_with_gpus_gets_one_worker_a_gpu_and_hands_heat_maps_over() -> None:
    crew = plan_crew(AUTO, cpus=16, gpus=[4], units=100)
    assert (crew.workers, crew.gpus, crew.device, crew.handover) == (4, 1.0, "cuda", True)
    assert in_flight_limit(AUTO, crew) == 2 * 4 + 16


def test_a_cluster_without_gpus_gets_one_worker_a_cpu() -> None:
    crew = plan_crew(AUTO, cpus=2, gpus=[], units=100)
    assert (crew.workers, crew.gpus, crew.device, crew.handover) == (2, 0.0, "cpu", False)
    assert in_flight_limit(AUTO, crew) == 4


def test_every_actor_holds_what_it_uses() -> None:
    assert plan_crew(AUTO, cpus=8, gpus=[], units=100).cpus == 1
    assert plan_crew(AUTO, cpus=8, gpus=[2], units=100).cpus == 0


def test_auto_grows_with_the_cluster_and_a_number_does_not() -> None:
    assert plan_crew(AUTO, cpus=2, gpus=[], units=100).most == 100
    assert plan_crew(RuntimeConfig(workers=3), cpus=2, gpus=[], units=100).most == 3


def test_a_number_of_workers_may_wait_for_gpus_that_an_autoscaler_has_to_start() -> None:
    crew = plan_crew(RuntimeConfig(workers=8, gpus_per_worker=1), cpus=4, gpus=[], units=100)
    assert (crew.workers, crew.gpus, crew.handover) == (8, 1.0, True)


def test_a_grown_cluster_gets_more_workers_of_the_same_kind() -> None:
    crew = plan_crew(AUTO, cpus=2, gpus=[], units=100)
    grown = plan_again(crew, AUTO, cpus=6, gpus=[4], units=90)
    assert (grown.workers, grown.gpus, grown.handover) == (6, 0.0, False)
    on_gpus = plan_again(plan_crew(AUTO, cpus=4, gpus=[1], units=100), AUTO, cpus=16, gpus=[4], units=90)
    assert (on_gpus.workers, on_gpus.finishers) == (4, 16)


def test_no_more_workers_than_units_that_still_want_one() -> None:
    crew = plan_crew(AUTO, cpus=8, gpus=[], units=100)
    assert plan_again(crew, AUTO, cpus=8, gpus=[], units=2).workers == 2
    assert plan_again(plan_crew(AUTO, cpus=4, gpus=[2], units=9), AUTO, cpus=4, gpus=[], units=9).workers == 1


def test_there_are_never_more_workers_than_units() -> None:
    assert plan_crew(AUTO, cpus=64, gpus=[], units=3).workers == 3


def test_gpus_that_are_not_there_are_an_error_that_names_the_field() -> None:
    with pytest.raises(ConfigError, match=r"runtime\.gpus_per_worker is 1, .* has 0 GPUs.*runtime\.workers"):
        plan_crew(RuntimeConfig(gpus_per_worker=1), cpus=8, gpus=[], units=10)


def test_fractions_of_a_gpu_share_it() -> None:
    assert plan_crew(RuntimeConfig(gpus_per_worker=0.25), cpus=8, gpus=[1], units=100).workers == 4


@pytest.mark.parametrize(
    ("share", "gpus", "workers"),
    [
        *((0.4, 2, 4), (0.4, 1, 2), (0.3, 1, 3), (0.3, 3, 9), (0.6, 4, 4), (0.1, 1, 10), (0.1, 3, 30), (0.7, 10, 10)),
        *((0.05, 1, 20), (0.3333, 1, 3), (0.3334, 1, 2), (0.5, 3, 6), (1, 3, 3), (2, 5, 2), (3, 9, 3), (0.01, 1, 100)),
    ],
)
def test_a_share_below_one_is_of_a_single_gpu(share: float, gpus: float, workers: int) -> None:
    crew = plan_crew(RuntimeConfig(gpus_per_worker=share), cpus=8, gpus=[gpus], units=1000)
    assert crew.workers == workers
    assert plan_again(crew, AUTO, cpus=8, gpus=[gpus], units=1000).workers == workers


@given(st.integers(1, 10_000), st.integers(1, 9))
def test_planned_actors_all_fit_and_one_more_would_not(ten_thousandths: int, gpus: int) -> None:
    share = ten_thousandths / 10_000
    room = plan_crew(RuntimeConfig(gpus_per_worker=share), cpus=1, gpus=[gpus], units=10**6).workers
    on_each, rest = divmod(room, gpus)
    assert rest == 0
    assert on_each * ten_thousandths <= 10_000 < (on_each + 1) * ten_thousandths


@pytest.mark.parametrize(
    ("share", "nodes", "workers"),
    [(2, [3, 3], 2), (2, [3, 1], 1), (2, [8, 8], 8), (3, [8, 4, 2], 3), (1, [3, 3], 6), (0.4, [1, 1], 4)],
)
def test_the_gpus_of_an_actor_all_lie_on_one_node(share: float, nodes: list[float], workers: int) -> None:
    crew = plan_crew(RuntimeConfig(gpus_per_worker=share), cpus=8, gpus=nodes, units=1000)
    assert crew.workers == workers
    assert plan_again(crew, AUTO, cpus=8, gpus=nodes, units=1000).workers == workers


def test_more_gpus_than_any_node_has_are_an_error_however_many_the_cluster_has() -> None:
    with pytest.raises(ConfigError, match=r"runtime\.gpus_per_worker is 2, but the largest node has 1 GPUs"):
        plan_crew(RuntimeConfig(gpus_per_worker=2), cpus=8, gpus=[1, 1, 1], units=10)


@pytest.mark.parametrize("share", [1.5, 2.0001, 1.0001, 7.9])
def test_more_than_a_gpu_and_not_whole_is_refused_with_the_configuration(share: float) -> None:
    with pytest.raises(
        ConfigError, match=r"runtime\.gpus_per_worker: must be a whole number above 1.*got " + str(share)
    ):
        parse_config({"runtime": {"gpus_per_worker": share}})


def test_less_than_ray_counts_is_refused_and_what_it_counts_is_not() -> None:
    with pytest.raises(ConfigError, match=r"runtime\.gpus_per_worker: must be 0, or 0\.0001 and more"):
        parse_config({"runtime": {"gpus_per_worker": 0.00001}})
    for share in (0, 0.0001, 0.4, 1, 2, 8.0, "auto"):
        assert parse_config({"runtime": {"gpus_per_worker": share}}).runtime.gpus_per_worker == share
