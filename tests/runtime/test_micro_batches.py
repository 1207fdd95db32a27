"""The micro-batch that is recommended is the smallest of those that are about as fast as the fastest."""

from __future__ import annotations

import pytest

from higan_cam.config import RunConfig, RuntimeConfig, load_config
from higan_cam.errors import ConfigError, WeightsError
from higan_cam.runtime import micro_batches as module
from higan_cam.runtime.micro_batches import Calibration, Rate, calibrate, comparable, crew_now


def test_of_nearly_equal_sizes_the_smallest_is_best() -> None:
    rates = (Rate("mask", 4, 60.0), Rate("mask", 8, 98.0), Rate("mask", 16, 100.0), Rate("label", 4, 500.0))
    assert Calibration(2, "cpu", rates).best("mask") == 8


def test_a_size_that_memory_did_not_suffice_for_is_never_best() -> None:
    rates = (Rate("label", 4, 10.0), Rate("label", 8, 0.0))
    assert Calibration(1, "cuda", rates).best("label") == 4
    with pytest.raises(ConfigError, match="memory"):
        Calibration(1, "cuda", rates).best("mask")


@pytest.mark.integration
@pytest.mark.usefixtures("local_ray")
def test_every_size_of_both_stages_is_measured_with_all_workers(config: RunConfig) -> None:
    two = config.model_copy(update={"runtime": config.runtime.model_copy(update={"workers": 2})})
    found = calibrate(two, sizes=(1, 2), seconds=0.01)
    assert found.workers == 2
    assert [(rate.stage, rate.size) for rate in found.rates] == [("label", 1), ("label", 2), ("mask", 1), ("mask", 2)]
    assert all(rate.per_second > 0 for rate in found.rates)
    assert found.precision is not None
    assert all(found.precision.per_second[name] > 0 for name in ("float32", "bfloat16"))
    assert 0 < found.precision.mean_apart <= found.precision.most_apart < 0.2


def test_where_nothing_fitted_into_memory_no_precision_is_compared() -> None:
    nothing = Calibration(1, "cuda", (Rate("label", 4, 0.0), Rate("mask", 4, 0.0)))
    assert module._of_precision([], nothing, 1.0) is None


@pytest.mark.parametrize(("asked", "gpus", "found"), [("auto", 0, 2), (8, 0, 2), (1, 0, 1), (8, 3, 3)])
def test_workers_that_there_is_no_room_for_are_not_waited_for(asked: int | str, gpus: int, found: int) -> None:
    assert crew_now(RuntimeConfig(workers=asked), cpus=2, gpus=[gpus]).workers == found


def test_weights_that_are_not_there_are_named_before_anything_starts() -> None:
    with pytest.raises(WeightsError, match="nosuch"):
        calibrate(load_config(None, ["generator.weights=nosuch.pth"]))


@pytest.mark.parametrize(
    ("sets", "name"),
    [
        (["attribution.name=auto", "attribution.candidates=[path,light_change]"], "path"),
        (["attribution.name=layer_cam", "attribution.scale=run", "attribution.layer_weights=relevance"], "layer_cam"),
    ],
)
def test_a_run_is_timed_without_what_only_it_knows(sets: list[str], name: str) -> None:
    found = comparable(load_config(None, sets)).attribution
    assert (found.name, found.scale, found.layer_weights) == (name, "sample", "equal")
