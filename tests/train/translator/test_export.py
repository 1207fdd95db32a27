"""From pairs to the files that are used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from higan_cam.errors import ConfigError, DataError
from higan_cam.measure.light.relit import psnr
from higan_cam.relight.translator import load_translator, translate
from higan_cam.train.settings import Progress, World
from higan_cam.train.translator.export import CARD, FIGURES, ONNX, WEIGHTS, card, train_and_export_translator
from higan_cam.train.translator.reading import read_pairs
from higan_cam.train.translator.settings import TranslatorSettings

Settings = Callable[..., TranslatorSettings]


def ignore(_: Progress) -> None:
    """Nobody watches."""


def test_a_run_becomes_a_translator_that_lights_pictures_it_has_not_seen(small: Settings) -> None:
    settings = small(images=960, batch=16, channels=(16, 16), learning_rate=1e-2, checkpoint_every=1000)
    train_and_export_translator(settings, ignore, World())
    output = Path(settings.output)
    figures = json.loads((output / FIGURES).read_text())
    assert figures["held out"] == {"pairs": 4}
    assert figures["facts"]["pairs to learn from"] == 17
    psnr_of = {name: figures["figures"][name]["value"] for name in ("psnr", "unlit", "bound")}
    assert psnr_of["bound"] == 99  # nothing gets darker: equal to the byte
    assert psnr_of["psnr"] > psnr_of["unlit"] + 6
    assert (output / ONNX).read_bytes()
    assert f"| psnr | {psnr_of['psnr']:.4g}" in (output / CARD).read_text()
    held_out = read_pairs(settings).held_out
    made = translate(load_translator(output / WEIGHTS), held_out.off[0], held_out.masks[0].astype(np.float32) / 255)
    assert psnr(made, held_out.on[0]) > psnr(held_out.off[0], held_out.on[0]) + 6


def test_rooms_are_measured_against_the_renderer(tmp_path: Path) -> None:
    settings = TranslatorSettings(
        output=str(tmp_path), images=8, batch=4, side=32, channels=(8, 8), held_out=3, precision="float32"
    )
    train_and_export_translator(settings, ignore, World())
    figures: dict[str, Any] = json.loads((tmp_path / FIGURES).read_text())
    assert figures["held out"] == {"rooms": 3}
    for name in ("psnr", "unlit", "slope", "temperature", "inside", "outside", "gain_2"):
        assert figures["figures"][name]["low"] <= figures["figures"][name]["value"], name
    assert "3 rooms that it was not trained on" in (tmp_path / CARD).read_text()


def test_the_card_says_who_asks_a_dial(small: Settings) -> None:
    figures: dict[str, Any] = {"facts": {}, "held out": {"pairs": 1}, "figures": {}}
    assert "only `predict_light(gain=)` asks" in card(small(dial=True), figures)
    assert "dial" not in card(small(), figures)


def test_training_that_diverged_leaves_no_weights(small: Settings) -> None:
    settings = small(learning_rate=1e30)
    with pytest.raises(DataError, match=r"training diverged.* learning_rate"):
        train_and_export_translator(settings, ignore, World())
    assert not (Path(settings.output) / WEIGHTS).exists()


def test_pairs_that_have_changed_are_refused(small: Settings) -> None:
    with pytest.raises(ConfigError, match="its pairs have changed"):
        train_and_export_translator(small(pairs="0" * 64), ignore, World())
