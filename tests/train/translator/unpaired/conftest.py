"""Two small folders, dark pictures and bright ones, that are no pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from higan_cam.train.translator.unpaired.settings import UnpairedSettings

COUNT, SIDE = 10, 16


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`off` and `on`; read only."""
    place = tmp_path_factory.mktemp("unpaired")
    draw = np.random.Generator(np.random.Philox(11))
    for name, least in (("off", 20), ("on", 120)):
        (place / name).mkdir()
        for number in range(COUNT):
            coarse = draw.integers(least, least + 80, (4, 4, 3)).astype(np.uint8)
            cv2.imwrite(str(place / name / f"{number}.png"), cv2.resize(coarse, (SIDE, SIDE)))
    return place


@pytest.fixture
def small(folders: Path, tmp_path: Path) -> Callable[..., UnpairedSettings]:
    """Settings of tiny networks, with overrides."""

    def build(**changes: Any) -> UnpairedSettings:
        defaults: dict[str, Any] = {
            **{"off": str(folders / "off"), "on": str(folders / "on"), "output": str(tmp_path / "out")},
            **{"side": SIDE, "channels": (8, 8), "images": 12, "batch": 2, "checkpoint_every": 2, "held_out": 2},
            "pool": 3,
        }
        return UnpairedSettings(**{**defaults, **changes})

    return build
