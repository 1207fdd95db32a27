"""What is measured of a translator, by translators whose answer is known."""

from __future__ import annotations

import pytest

from higan_cam.measure.light import translated
from higan_cam.measure.light.relit import psnr
from higan_cam.measure.light.translated import measure_translator, switched_rooms
from higan_cam.relight.light import light_layer
from higan_cam.relight.response import FILM
from higan_cam.relight.translator import Translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.rooms.photos import TUNING_SEED
from higan_cam.types import ByteArray, FloatArray

SIZE, ROOMS = 32, 4


def planted(monkeypatch: pytest.MonkeyPatch, share: float) -> translated.TranslatedResult:
    """The figures of a translator that gives this share of the true light."""
    known: dict[tuple[bytes, bytes], FloatArray] = {}
    for room in switched_rooms(TUNING_SEED, ROOMS, SIZE):
        for lamps in (room.seen, *([k] for k in room.seen)):
            gains = [float(k in lamps) for k in range(len(room.shades))]
            mask = room.shades[lamps].any(axis=0).astype("float32")
            light = light_layer(room.every(0), room.picture(gains), FILM)
            known[room.every(0).tobytes(), mask.tobytes()] = light

    def answer(_: Translator, picture: ByteArray, mask: FloatArray, side: int) -> FloatArray:
        assert side == SIZE
        return share * known.get((picture.tobytes(), mask.tobytes()), 0 * known[next(iter(known))])

    monkeypatch.setattr(translated, "carried_light", answer)
    network = TranslatorNetwork((8, 8)).eval()
    return measure_translator(Translator(network, SIZE, FILM), ROOMS, TUNING_SEED)


def test_the_true_light_is_measured_as_true(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = planted(monkeypatch, 1.0).figures
    assert figures["psnr"].value > 60
    assert figures["slope"].value == pytest.approx(1, abs=0.02)
    assert figures["inside"].value < 0.002
    assert figures["gain_2"].value > 40


def test_half_of_the_light_has_half_the_slope_and_no_light_is_the_unlit_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert planted(monkeypatch, 0.5).figures["slope"].value == pytest.approx(2, abs=0.05)
    none = planted(monkeypatch, 0.0).figures
    assert "slope" not in none
    assert none["psnr"].value == pytest.approx(none["unlit"].value, abs=0.1)
    assert none["inside"].value > 10 * none["outside"].value


def test_every_room_has_a_lamp_that_is_seen_to_come_on() -> None:
    rooms = list(switched_rooms(TUNING_SEED, ROOMS, SIZE))
    assert len(rooms) == ROOMS
    assert all(room.seen and psnr(room.every(0), room.every(1)) < 40 for room in rooms)
