"""Composers by name: each a class that is made from one frozen record of settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import partial
from typing import Any

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.relight.composers.compose import Composer
from higan_cam.relight.composers.cutout import Cutout, CutoutSettings
from higan_cam.relight.composers.diffusion import Diffusion, DiffusionSettings
from higan_cam.relight.composers.pair import Pair, PairSettings
from higan_cam.relight.composers.translator import Learned, LearnedSettings


def _made(settings: type[Any], composer: Callable[[Any], Composer], **values: Any) -> Composer:
    known = {field.name: field for field in fields(settings)}
    own = getattr(composer, "__name__", "the composer").lower()
    for name in values:
        if name not in known:
            raise unknown_name(f"a setting of {own}", name, known)
    for name, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and name not in values:
            raise ConfigError(f"{own}: needs the setting {name}; in a configuration: light.settings={{{name}: ...}}")
    return composer(settings(**values))


COMPOSERS: dict[str, Callable[..., Composer]] = {
    "cutout": partial(_made, CutoutSettings, Cutout),
    "diffusion": partial(_made, DiffusionSettings, Diffusion),
    "pair": partial(_made, PairSettings, Pair),
    "translator": partial(_made, LearnedSettings, Learned),
}
"""Name -> factory, which takes the fields of the composer's settings."""
FILES: dict[str, str] = {"diffusion": "folder", "translator": "weights"}
"""Name -> the setting that names a file or folder, which workers elsewhere must find."""


def load_composer(name: str, **settings: Any) -> Composer:
    """A composer by name, made from the fields of its settings.

    Raises:
        ConfigError: an unknown name or setting, one that is missing or out of range, a library that is absent.
        WeightsError: a model of the user's that cannot be used.
    """
    if name not in COMPOSERS:
        raise unknown_name("composer", name, COMPOSERS)
    return COMPOSERS[name](**settings)
