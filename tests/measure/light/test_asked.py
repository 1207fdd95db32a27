"""Where a translator's light goes when the mask moves, by translators whose answer is known and by the embedded one."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.measure.light import asked
from higan_cam.measure.light.asked import measure_asked
from higan_cam.relight.response import FILM
from higan_cam.relight.translator import Translator, load_translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.rooms.photos import TUNING_SEED
from higan_cam.types import ByteArray, FloatArray

ROOMS = 4


def test_light_that_does_not_look_at_the_mask_goes_as_often_to_the_wrong_lamp(monkeypatch: pytest.MonkeyPatch) -> None:
    def everywhere(_: Translator, picture: ByteArray, __: FloatArray, ___: int) -> FloatArray:
        return np.full(picture.shape, 0.05, np.float32)

    monkeypatch.setattr(asked, "carried_light", everywhere)
    found = measure_asked(Translator(TranslatorNetwork((8, 8)).eval(), 32, FILM), ROOMS, TUNING_SEED)
    assert found["moved"].value == 0.5  # of two lamps one is nearer, whichever is asked for
    assert found["own"].value == pytest.approx(found["other"].value, abs=1e-9)


def test_no_light_is_the_picture_as_the_camera_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "carried_light", lambda _, picture, *__: np.zeros(picture.shape, np.float32))
    found = measure_asked(Translator(TranslatorNetwork((8, 8)).eval(), 32, FILM), ROOMS, TUNING_SEED)
    assert found["camera"] == found["camera_unlit"]
    assert found["camera_bound"].value > found["camera"].value + 8
    assert found["camera_inside"].value > 3 * found["camera_outside"].value


def test_a_moved_mask_moves_the_light() -> None:
    found = measure_asked(load_translator("rooms"), ROOMS, TUNING_SEED)
    assert found["moved"].value == 1
    assert found["own"].value > found["other"].value + 10
    assert found["camera_unlit"].value < found["camera"].value <= found["camera_bound"].value
