"""The last part of training without pairs, on pairs whose lit half is real."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.relight import RESPONSES
from higan_cam.relight.translator import Translator, load_translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.train.settings import World
from higan_cam.train.translator.export import FIGURES, WEIGHTS
from higan_cam.train.translator.unpaired.export import train_and_export_unpaired
from higan_cam.train.translator.unpaired.finish import NOISE, made_pairs
from higan_cam.train.translator.unpaired.looks import switched
from higan_cam.train.translator.unpaired.reading import read_folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from tests.train.translator.test_fit import ignore

Settings = Callable[..., UnpairedSettings]


def test_the_lit_half_of_a_pair_is_real_and_the_other_made_of_it(small: Settings) -> None:
    settings = small(finish=32)
    folders = read_folders(settings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        takes = Translator(TranslatorNetwork((8, 8), condition=False).eval(), 16, RESPONSES["srgb"], burning=True)
    learned, pairs = made_pairs(settings, folders, takes)
    np.testing.assert_array_equal(pairs.stored.on, folders.on.train)
    noise = pairs.stored.off.astype(float) - switched(takes, folders.on.train)
    assert noise.std() / 255 == pytest.approx(NOISE, rel=0.15)
    assert (learned.images, learned.side, learned.condition) == (32, 16, False)
    assert made_pairs(settings, folders, takes)[0] == learned, "the same again where training goes on"
    assert made_pairs(small(finish=32, seed=1), folders, takes)[0].pairs != learned.pairs


def test_what_is_left_is_the_network_that_learned_at_last(small: Settings, tmp_path: Path) -> None:
    for name, finish in (("without", 0), ("with", 64)):
        train_and_export_unpaired(small(output=str(tmp_path / name), images=4, finish=finish), ignore, World())
    facts = json.loads((tmp_path / "with" / FIGURES).read_text())["facts"]
    assert facts["pairs made at last, shown"] == 64
    norms = [load_translator(tmp_path / name / WEIGHTS).network.norm for name in ("without", "with")]
    assert norms == ["instance", "group"], "pix2pix's own"
    with pytest.raises(ConfigError, match="does not divide by 3 workers"):
        train_and_export_unpaired(small(finish=64, batch=3), ignore, World(size=3))
