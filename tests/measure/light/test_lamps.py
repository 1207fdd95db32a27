"""Rooms with known lamps: each has a part of its own, where regions alone hold several."""

from __future__ import annotations

import pytest

from higan_cam.measure.light import lamps
from higan_cam.measure.light.lamps import measure_lamps
from higan_cam.relight.lamps import Lamp
from higan_cam.rooms.photos import TUNING_SEED


def test_lamps_of_rooms_are_told_apart_and_regions_alone_do_not() -> None:
    found = measure_lamps(8, TUNING_SEED)
    assert found.figures["split"].value == found.figures["whole"].value == 1
    assert found.figures["own"].value > 0.7
    assert found.figures["regions"].value < 0.5
    assert found.error < 1e-6
    assert found.figures["lamp"].value > 35


def test_a_part_for_each_region_is_a_failure_where_a_region_holds_several(monkeypatch: pytest.MonkeyPatch) -> None:
    one_each = [Lamp(number, None, alone=True) for number in range(3)]
    monkeypatch.setattr(lamps, "lamps_in", lambda _light, regions: one_each[: len(regions)])
    found = measure_lamps(4, TUNING_SEED)
    assert found.figures["own"].value == found.figures["split"].value == 0
