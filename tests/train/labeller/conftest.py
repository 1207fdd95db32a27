"""Two folders of small pictures that differ by a bright square, and settings that learn them in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from higan_cam.train.labeller.export import finish_labeller
from higan_cam.train.labeller.fit import fit_folds
from higan_cam.train.labeller.settings import LabellerSettings
from higan_cam.train.settings import Progress

SIDE = 16


def write_pictures(folder: Path, square: bool, count: int) -> None:
    """Grey noise, with a bright square or without."""
    folder.mkdir(parents=True)
    source = np.random.default_rng(int(square))
    for number in range(count):
        picture = source.integers(60, 120, (SIDE, SIDE, 3)).astype(np.uint8)
        if square:
            picture[4:12, 4:12] = 220
        cv2.imwrite(str(folder / f"{number:03d}.png"), picture)


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `without` and `with`; read only."""
    folder = tmp_path_factory.mktemp("labelled")
    write_pictures(folder / "without", False, 24)
    write_pictures(folder / "with", True, 16)
    return folder


@pytest.fixture
def small(places: Path, tmp_path: Path) -> Callable[..., LabellerSettings]:
    """Settings of tiny networks on them, with overrides."""

    def build(**changes: Any) -> LabellerSettings:
        return settings_in(tmp_path / "out", places, **changes)

    return build


def settings_in(place: Path, places: Path, **changes: Any) -> LabellerSettings:
    """Tiny networks of two folds."""
    pictures = {"negative": (str(places / "without"),), "positive": (str(places / "with"),)}
    usual: dict[str, Any] = {
        **{"attribute": "square", "width": 4, "side": SIDE, "folds": 2, "held_out": 0.25, "calibration": 0.1},
        **{"epochs": 4, "batch": 8, "learning_rate": 3e-3},
    }
    return LabellerSettings(**{"output": str(place), **pictures, **usual, **changes})


def ignore(_: Progress) -> None:
    """Nobody watches."""


@pytest.fixture(scope="session")
def trained(places: Path, tmp_path_factory: pytest.TempPathFactory) -> LabellerSettings:
    """A labeller of the bright square; read only."""
    settings = settings_in(tmp_path_factory.mktemp("trained"), places)
    fit_folds(settings, ignore)
    finish_labeller(settings)
    return settings
