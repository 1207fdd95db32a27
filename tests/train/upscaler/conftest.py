"""Settings that learn from a few pictures of fine waves in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from higan_cam.train.upscaler.settings import UpscalerSettings


@pytest.fixture(scope="session")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of waves of 7 px, one that is too small, one that is none; read only."""
    folder = tmp_path_factory.mktemp("waves")
    for number in range(10):
        x, y = np.meshgrid(np.arange(48 + number), np.arange(40))
        level = 127 + 100 * np.sin(2 * np.pi * (x * np.cos(number) + y * np.sin(number)) / 7)
        cv2.imwrite(str(folder / f"{number}.png"), np.dstack([level, 255 - level, level]).astype(np.uint8))
    cv2.imwrite(str(folder / "small.png"), np.zeros((8, 8, 3), np.uint8))
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def small(waves: Path, tmp_path: Path) -> Callable[..., UpscalerSettings]:
    """Settings of a tiny network on these pictures, with overrides."""

    def build(**changes: Any) -> UpscalerSettings:
        defaults: dict[str, Any] = {
            **{"pictures": str(waves), "output": str(tmp_path / "out"), "side": 32, "features": 8, "blocks": 1},
            **{"images": 24, "batch": 4, "checkpoint_every": 2, "apart": 0.2},
        }
        return UpscalerSettings(**{**defaults, **changes})

    return build
