"""The planted dataset, and settings that learn it in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from higan_cam.store.store import Store, open_store
from higan_cam.train.inpaint.data import Pairs, read_pairs
from higan_cam.train.inpaint.settings import InpaintSettings
from tests.train.inpaint.planted import SIDE, write_planted


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The planted run; read only."""
    store = open_store(tmp_path_factory.mktemp("planted") / "run")
    write_planted(store)
    return store


@pytest.fixture(scope="session")
def pairs(planted: Store) -> Pairs:
    """Its training samples."""
    return read_pairs(planted, "train", SIDE)


@pytest.fixture
def small(planted: Store, tmp_path: Path) -> Callable[..., InpaintSettings]:
    """Settings of a tiny network on the planted run, with overrides."""

    def build(**changes: Any) -> InpaintSettings:
        defaults: dict[str, Any] = {"size": SIDE, "channels": (8, 8), "steps": 6, "batch": 4, "checkpoint_every": 2}
        return InpaintSettings(**{"output": str(tmp_path / "out"), "dataset": planted.uri, **defaults, **changes})

    return build
