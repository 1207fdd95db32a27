"""What is seen of training without pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from higan_cam.measure.generation.verdicts import CLEAN, Verdict
from higan_cam.relight import RESPONSES
from higan_cam.relight.translator import Translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.train.settings import World
from higan_cam.train.translator.looks import HISTORY, read_looks
from higan_cam.train.translator.unpaired import looks as looking
from higan_cam.train.translator.unpaired.export import train_and_export_unpaired
from higan_cam.train.translator.unpaired.looks import errors, evidence, switched
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from tests.train.translator.test_fit import ignore

Settings = Callable[..., UnpairedSettings]
FAINT = Translator(TranslatorNetwork((8, 8), "instance", condition=False).eval(), 16, RESPONSES["srgb"])


def test_networks_that_change_nothing_make_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "translate", lambda _, picture, *__: picture)
    off, on = np.full((3, 16, 16, 3), 40, np.uint8), np.full((3, 16, 16, 3), 200, np.uint8)
    assert {each.value for each in errors(FAINT, FAINT, off, on, 0).values()} == {0.0}


def test_a_look_is_taken_now_and_then_and_at_the_end(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOKED", 2)
    settings = small()
    train_and_export_unpaired(settings, ignore, World())
    looks = read_looks(Path(settings.output) / HISTORY)
    assert [look.step for look in looks] == [2, 4, 6]
    assert looks[-1].kpairs == 0.012
    assert set(looks[0].figures) == {"cycle off", "cycle on", "identity off", "identity on"}


def test_a_fault_is_shown_by_the_pictures_that_it_names_and_what_is_clean_by_none() -> None:
    before = np.arange(3 * 16 * 16 * 3, dtype=np.int64).reshape(3, 16, 16, 3).astype(np.uint8)
    turned = Verdict(name="inverted", value="inverted", evidence={"pictures": [2, 0]})
    (shown,) = evidence(turned, before, FAINT, 1)
    np.testing.assert_array_equal(shown, np.concatenate([before[2], switched(FAINT, before[2:])[0]], axis=1))
    (pair,) = evidence(Verdict(name="collapse", value="collapsed", evidence={"pairs": [[0, 1]]}), before, FAINT, 4)
    np.testing.assert_array_equal(pair, np.concatenate(list(switched(FAINT, before[:2])), axis=1))
    assert not evidence(Verdict(name="inverted", value=CLEAN, evidence={"pictures": [1]}), before, FAINT, 4)
