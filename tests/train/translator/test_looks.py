"""How near a translator comes while it learns, by split, and the page that shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from higan_cam.relight import RESPONSES
from higan_cam.relight.translator import Translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.store.keys import REPORT_KEY
from higan_cam.train import loop
from higan_cam.train.settings import World
from higan_cam.train.translator import looks as looking
from higan_cam.train.translator.export import CARD, train_and_export_translator
from higan_cam.train.translator.looks import HELD_OUT, HISTORY, TRAINED_ON, Looks, read_looks, shown_of
from higan_cam.train.translator.reading import read_pairs
from higan_cam.train.translator.settings import TranslatorSettings
from higan_cam.types import Interval
from tests.train.translator.test_fit import ignore, stop_after_a_checkpoint

Settings = Callable[..., TranslatorSettings]


def test_what_is_looked_at_is_one_split_and_the_other(small: Settings) -> None:
    read = read_pairs(small())
    shown = shown_of(small(), read)
    assert [len(shown[split]) for split in (HELD_OUT, TRAINED_ON)] == [6, 17]
    np.testing.assert_array_equal(shown[HELD_OUT].off, read.held_out.off)
    rooms = shown_of(TranslatorSettings(output="x", side=32), None)
    assert list(rooms) == [HELD_OUT]
    gained = rooms[HELD_OUT].on.astype(int) - rooms[HELD_OUT].off
    assert gained.min() >= 0
    assert (gained[rooms[HELD_OUT].masks == 255].max(axis=1) > 0).mean() > 0.9  # shades of lamps that come on


def test_a_network_that_adds_nothing_is_as_far_off_as_the_unlit_picture(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small()
    Path(settings.output).mkdir()
    monkeypatch.setattr(looking, "translate", lambda _, picture, __: picture)
    looks = Looks(settings, shown_of(settings, read_pairs(settings)))
    translator = Translator(TranslatorNetwork((8, 8)), settings.side, RESPONSES["srgb"])
    looks.look(4, translator)
    (first, second) = looks.look(6, translator)
    apart = (looks.shown[HELD_OUT].on.astype(float) - looks.shown[HELD_OUT].off) ** 2
    expected = (10 * np.log10(255**2 / apart.mean(axis=(1, 2, 3)))).mean()
    assert second.figures[HELD_OUT].value == pytest.approx(expected, rel=1e-5)
    assert (first.step, second.kpairs) == (4, 6 * settings.batch / 1000)
    assert [look.step for look in looks.look(4, translator)] == [4], "what lies beyond is taken anew"


def test_the_history_of_a_training_begun_when_looks_had_decibels_alone_is_read(tmp_path: Path) -> None:
    interval = {"value": 20.0, "low": 19.0, "high": 21.0}
    looks = [{"step": 2, "kpairs": 0.1, "psnr": {HELD_OUT: interval}}]
    (tmp_path / HISTORY).write_text(json.dumps({"looks": looks}))
    assert read_looks(tmp_path / HISTORY)[0].figures == {HELD_OUT: Interval(**interval)}


def test_an_interrupted_training_leaves_the_same_history_card_and_page(
    small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "LOOKED", 4)
    settings = small(output=str(tmp_path / "whole"))
    train_and_export_translator(settings, ignore, World())
    cut = small(output=str(tmp_path / "cut"))
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop_after_a_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            train_and_export_translator(cut, ignore, World())
    train_and_export_translator(cut, ignore, World())
    whole = tmp_path / "whole"
    assert [look.step for look in read_looks(whole / HISTORY)] == [2, 4, 6]
    for name in (HISTORY, CARD, REPORT_KEY):
        assert (whole / name).read_bytes() == (tmp_path / "cut" / name).read_bytes(), name
    page = " ".join((whole / REPORT_KEY).read_text().split())
    assert "A translator, lamp off to lamp on: run" in page
    assert "dB, held out: from" in page
    assert "dB, trained on: from" in page
    assert "| thousands of pairs | held out | trained on |" in (whole / CARD).read_text()
