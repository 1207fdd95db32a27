"""Settings that learn planted squares or small rooms in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from higan_cam.store.store import Store, open_store
from higan_cam.train.translator.settings import TranslatorSettings
from tests.train.inpaint.planted import SIDE, write_planted


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The planted run: dark pictures in which squares light up; read only."""
    store = open_store(tmp_path_factory.mktemp("planted") / "run")
    write_planted(store)
    return store


@pytest.fixture
def small(planted: Store, tmp_path: Path) -> Callable[..., TranslatorSettings]:
    """Settings of a tiny network on the planted run, with overrides."""

    def build(**changes: Any) -> TranslatorSettings:
        defaults: dict[str, Any] = {
            **{"kind": "run", "datasets": (planted.uri,), "response": "srgb", "output": str(tmp_path / "out")},
            **{"side": SIDE, "channels": (8, 8), "images": 24, "batch": 4, "checkpoint_every": 2, "held_out": 4},
            **{"precision": "float32"},
        }
        return TranslatorSettings(**{**defaults, **changes})

    return build
