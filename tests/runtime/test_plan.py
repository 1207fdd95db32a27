"""Units and crews are decided by arithmetic alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import RuntimeConfig
from higan_cam.errors import ConfigError
from higan_cam.runtime.plan import in_flight_limit, plan_crew, plan_units

AUTO = RuntimeConfig()


@given(st.integers(1, 5000), st.integers(1, 700))
def test_units_cover_every_sample_once_and_in_order(count: int, size: int) -> None:
    units = plan_units(count, size)
    assert [index for unit in units for index in unit.indices] == list(range(count))
    assert [unit.shard for unit in units] == list(range(len(units)))
    assert all(len(unit.indices) == size for unit in units[:-1])


def test_a_cluster_with_gpus_gets_one_worker_a_gpu_and_hands_heat_maps_over() -> None:
    crew = plan_crew(AUTO, cpus=16, gpus=4, units=100)
    assert (crew.workers, crew.gpus, crew.device, crew.handover) == (4, 1.0, "cuda", True)
    assert in_flight_limit(AUTO, crew) == 2 * 4 + 16


def test_a_cluster_without_gpus_gets_one_worker_a_cpu() -> None:
    crew = plan_crew(AUTO, cpus=2, gpus=0, units=100)
    assert (crew.workers, crew.gpus, crew.device, crew.handover) == (2, 0.0, "cpu", False)
    assert in_flight_limit(AUTO, crew) == 4


@given(st.integers(1, 64), st.integers(1, 200), st.integers(1, 64))
def test_labelling_actors_always_leave_a_cpu_for_ray_datas_read_tasks(cpus: int, units: int, workers: int) -> None:
    crew = plan_crew(RuntimeConfig(workers=workers), cpus=cpus, gpus=0, units=units)
    assert crew.workers * crew.cpus <= cpus - 1 + 1e-9


def test_there_are_never_more_workers_than_units() -> None:
    assert plan_crew(AUTO, cpus=64, gpus=0, units=3).workers == 3


def test_gpus_that_are_not_there_are_an_error_that_names_the_field() -> None:
    with pytest.raises(ConfigError, match=r"runtime\.gpus_per_worker is 1, but the cluster has 0 GPUs"):
        plan_crew(RuntimeConfig(gpus_per_worker=1), cpus=8, gpus=0, units=10)


def test_fractions_of_a_gpu_share_it() -> None:
    assert plan_crew(RuntimeConfig(gpus_per_worker=0.25), cpus=8, gpus=1, units=100).workers == 4
