"""From two folders to the files that are used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.generate.images import from_uint8
from higan_cam.relight.composers import load_composer
from higan_cam.relight.translator import load_translator
from higan_cam.relight.translator.curves import CURVES
from higan_cam.relight.translator.network import BETA
from higan_cam.store.keys import REPORT_KEY
from higan_cam.train.settings import World
from higan_cam.train.translator.export import CARD, FIGURES, ONNX, WEIGHTS
from higan_cam.train.translator.unpaired.export import OFF_ONNX, SWITCHES_OFF, train_and_export_unpaired
from higan_cam.train.translator.unpaired.looks import switched
from higan_cam.train.translator.unpaired.reading import read_folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from tests.train.translator.test_fit import ignore

Settings = Callable[..., UnpairedSettings]


def test_dark_pictures_become_brighter_and_bright_ones_darker(small: Settings) -> None:
    settings = small(images=320, batch=8, checkpoint_every=1000, identity=0.0, learning_rate=1e-2)
    train_and_export_unpaired(settings, ignore, World())
    output, folders = Path(settings.output), read_folders(settings)
    adds, takes = (load_translator(output / name) for name in (WEIGHTS, SWITCHES_OFF))
    assert (adds.burning, takes.burning) == (False, True)
    off, on = folders.off.held_out, folders.on.held_out
    lit, unlit = switched(adds, off), switched(takes, on)
    assert (lit >= off).all()
    assert (unlit <= on).all()
    apart = float(on.mean()) - float(off.mean())
    assert float(lit.mean()) > float(off.mean()) + apart / 5
    assert float(unlit.mean()) < float(on.mean()) - apart / 5
    figures = json.loads((output / FIGURES).read_text())
    assert figures["figures"]["identity_on"]["low"] <= figures["figures"]["identity_on"]["value"]
    assert [each["name"] for each in figures["verdicts"]] == 2 * ["inverted", "alike", "collapse"]
    assert "no pair was there to ask" in (output / CARD).read_text()
    page = " ".join((output / REPORT_KEY).read_text().split())
    assert "Lamps off, each with the answer on its right" in page
    assert all(f"cycle {kind}" in page for kind in ("on", "off"))
    assert page.count('<article aria-label="') == 6, "a verdict of each monitor, each way"
    with pytest.raises(WeightsError, match="takes light away"):
        load_composer("translator", weights=str(output / SWITCHES_OFF))
    load_composer("translator", weights=str(output / WEIGHTS))


def test_onnx_runtime_switches_lamps_as_the_networks_do(small: Settings) -> None:
    runtime = pytest.importorskip("onnxruntime")
    settings = small(images=8)
    train_and_export_unpaired(settings, ignore, World())
    output, folders = Path(settings.output), read_folders(settings)
    for file, onnx, name, kind in ((WEIGHTS, ONNX, "light", "off"), (SWITCHES_OFF, OFF_ONNX, "density", "on")):
        shown, translator = getattr(folders, kind).held_out, load_translator(output / file)
        session = runtime.InferenceSession((output / onnx).read_bytes(), providers=["CPUExecutionProvider"])
        (found,) = session.run([name], {"image": from_uint8(shown).numpy()})
        there = translator.response.light(shown)
        answer = found.transpose(0, 2, 3, 1)
        after = there + answer if name == "light" else there * np.exp(-answer)
        apart = translator.response.display(after).astype(int) - switched(translator, shown)
        assert np.abs(apart).max() <= 1, name  # of 255: light that is a hair off may round to the next level


def test_pictures_that_have_changed_are_refused(small: Settings) -> None:
    with pytest.raises(ConfigError, match="pictures have changed"):
        train_and_export_unpaired(small(pictures="0" * 64), ignore, World())


def test_switching_off_is_a_filter_of_each_pictures_light(small: Settings) -> None:
    settings = small(images=2)
    train_and_export_unpaired(settings, ignore, World())
    takes = load_translator(Path(settings.output) / SWITCHES_OFF)
    assert not switched(takes, np.zeros((1, 16, 16, 3), np.uint8)).any()
    for parameter in takes.network.head.parameters():  # the same density whatever is seen: log 2 over BETA
        torch.nn.init.zeros_(parameter)
    light, left = CURVES[takes.response.name].light, list[float]()
    for level in (110, 220):
        shown = np.full((1, 16, 16, 3), level, np.uint8)
        before, after = (light(torch.from_numpy(each / 255)).mean() for each in (shown, switched(takes, shown)))
        left.append(float(after / before))
    assert left == pytest.approx([2 ** (-1 / BETA)] * 2, rel=0.015)  # of whole levels
