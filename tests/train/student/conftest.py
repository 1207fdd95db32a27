"""A planted dataset, a planted labelled folder, and settings that learn them in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from higan_cam.store.store import Store, open_store
from higan_cam.train.student.lessons import Lesson, read_lessons
from higan_cam.train.student.settings import StudentSettings
from tests.train.inpaint.planted import SIDE, write_planted
from tests.train.student.planted import write_labelled


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The planted run: dark pictures in which squares light up; read only."""
    store = open_store(tmp_path_factory.mktemp("planted") / "run")
    write_planted(store)
    return store


@pytest.fixture(scope="session")
def lessons(planted: Store) -> list[Lesson]:
    """Its training samples."""
    return read_lessons(planted, "train", SIDE)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four of its lit pictures with their masks; read only."""
    folder = tmp_path_factory.mktemp("labelled") / "mine"
    write_labelled(folder)
    return folder


@pytest.fixture
def small(planted: Store, tmp_path: Path) -> Callable[..., StudentSettings]:
    """Settings of a tiny network on the planted run, with overrides."""

    def build(**changes: Any) -> StudentSettings:
        defaults: dict[str, Any] = {
            **{"side": SIDE, "channels": (4, 6), "steps": 6, "batch": 4, "checkpoint_every": 2},
            **{"output": str(tmp_path / "out"), "datasets": (planted.uri,), "precision": "float32"},
        }
        return StudentSettings(**{**defaults, **changes})

    return build
