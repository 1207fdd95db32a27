"""Composers by name: what is unknown or missing is named, with what would do."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from higan_cam.config.pictures import LightConfig
from higan_cam.errors import ConfigError
from higan_cam.publish.report.students.lights import SAYS
from higan_cam.relight.composers import COMPOSERS, load_composer
from higan_cam.relight.composers.named import FILES


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("difusion", {}, "composer: unknown name 'difusion'; known: .*diffusion.* Did you mean 'diffusion'"),
        ("diffusion", {"folder": "x", "step": 3}, "a setting of diffusion: unknown name 'step'.* 'steps'"),
        ("diffusion", {}, r"diffusion: needs the setting folder; .*light\.settings=\{folder: \.\.\.\}"),
        ("diffusion", {"folder": "x", "steps": 0}, "steps must be 1 or more, got 0"),
        ("diffusion", {"folder": "x", "strength": 0.0}, "strength must be above 0, at most 1, got 0.0"),
        ("diffusion", {"folder": "x", "dtype": "int8"}, "dtype must be one of float32, float16, bfloat16, got 'int8'"),
        ("diffusion", {"folder": "x", "size": (0, 64)}, r"size must be 1 px or more, got \(0, 64\)"),
        ("pair", {"affine": None}, "pair: needs the setting before"),
        ("translator", {"weights": "x", "side": -2}, "side must be 1 px or more, .* got -2"),
        ("translator", {"weights": "x", "core": 0.0}, "core must be above 0, at most 1, got 0.0"),
        ("translator", {"weights": 5}, "weights must be text, .* got 5"),
        ("translator", {"side": "64"}, "side must be a whole number, .* got '64'"),
        ("translator", {"side": 64.5}, "side must be a whole number, .* got 64.5"),
        ("translator", {"side": True}, "side must be a whole number, .* got True"),
        ("translator", {"core": True}, "core must be a number, .* got True"),
        ("translator", {"core": "0.5"}, "core must be a number, .* got '0.5'"),
    ],
)
def test_what_is_wrong_is_named(name: str, settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=re.compile(said, re.DOTALL)):
        load_composer(name, **settings)


def test_every_composer_has_a_name() -> None:
    assert {"diffusion", "pair", "translator"} <= COMPOSERS.keys()


def test_every_composer_has_words_for_its_light_and_a_place_in_the_configuration() -> None:
    named = get_args(LightConfig.model_fields["composer"].annotation)
    assert set(SAYS) == set(COMPOSERS) == set(named)
    assert set(FILES) <= set(COMPOSERS)
