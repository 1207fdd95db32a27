"""The embedded translator lights rooms that it has never seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.errors import WeightsError
from higan_cam.measure.light.translated import measure_translator
from higan_cam.relight.composers import load_composer
from higan_cam.relight.translator import load_translator
from higan_cam.weights.embedded import EMBEDDED_TRANSLATORS, embedded_path

SEED, COUNT = 2**61 + 11, 12


def test_the_file_is_small_and_the_composer_takes_it_by_itself() -> None:
    for embedded in EMBEDDED_TRANSLATORS.values():
        assert embedded_path(embedded.file).stat().st_size < 4_000_000
    assert load_translator("rooms").side == 64
    load_composer("translator")


def test_it_lights_rooms_as_the_renderer_does() -> None:
    """Bounds are below the model card's figures by what twelve rooms may miss them."""
    found = measure_translator(load_translator("rooms"), COUNT, SEED).figures
    assert found["psnr"].value > 41
    assert 0.98 < found["slope"].value < 1.02


def test_another_name_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"room\.safetensors"):
        load_translator(tmp_path / "room.safetensors")
