"""The floor below which an edit changes nothing is what pictures differ by where nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from higan_cam.config import RunConfig, load_config
from higan_cam.mask.rounding import LEVEL
from higan_cam.pipeline import Models, load_models, measured_floor
from higan_cam.pipeline.devices import one_thread
from higan_cam.types import Precision, SynthesisState
from tests.mask.test_planted import SCORER, Broken, Planted


def floor_of(precision: Precision, *overrides: str) -> int:
    config = load_config(None, [f"generator.precision={precision}", *overrides])
    return measured_floor(load_models(config), config)


@dataclass
class Shaky(Planted):
    """One value of the picture is off by 4.9 levels, for the reason named."""

    reason: str = ""

    def synthesize(
        self, w_plus: Tensor, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[Tensor, dict[int, Tensor]]:
        off = {
            "batch": torch.tensor(len(w_plus) > 1),
            "state": torch.tensor(start is not None),
            "tiny edit": (1e9 * w_plus[:, 0, 0].double()).floor() % 2,
        }
        image, tapped = super().synthesize(w_plus, taps, start)
        image[:, 1, 2, 3] = off[self.reason] * 4.9 * LEVEL
        return image, tapped


@pytest.mark.parametrize("reason", ["batch", "state", "tiny edit"])
def test_whatever_moves_a_picture_in_which_nothing_changed_is_in_the_floor(reason: str, config: RunConfig) -> None:
    assert measured_floor(Models(Shaky(reason=reason), SCORER, torch.device("cpu")), config) == 10  # 2 x 4.9, whole


def test_an_exact_generator_has_one_level_and_a_broken_one_too(config: RunConfig) -> None:
    for generator in (Planted(), Broken()):
        assert measured_floor(Models(generator, SCORER, torch.device("cpu")), config) == 1


def test_float32_has_one_level_and_bfloat16_what_it_was_measured_to_have() -> None:
    assert floor_of("float32") == 1 < floor_of("bfloat16") < 20


def test_the_floor_does_not_depend_on_how_the_run_is_cut_up() -> None:
    cut = ("mask.micro_batch=1", "label.micro_batch=3", "mask.count=1", "label.count=4", "boundary.tails=2")
    assert floor_of("bfloat16", *cut) == floor_of("bfloat16")


def test_one_thread_is_for_the_block_alone() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
