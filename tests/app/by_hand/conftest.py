"""A run's latents, a table in a folder, and the page on them in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from higan_cam.app.by_hand.asking import Plan, Round
from higan_cam.app.by_hand.drawing import Drawer
from higan_cam.app.by_hand.labels import LabelFile
from higan_cam.app.by_hand.site import site
from higan_cam.app.by_hand.words import Words
from higan_cam.app.door import key_of
from higan_cam.config import RunConfig
from higan_cam.pipeline import Models

TOKEN = "a token of these tests"  # noqa: S105
LATENTS = 400
WORDS = Words("cosy", "yes", "no", 12, 0.25, "labels.csv", "python -m jobs.train_labeller")
Post = Callable[..., dict[str, Any]]


@pytest.fixture
def file(tmp_path: Path) -> LabelFile:
    return LabelFile(tmp_path / "labels.csv", LATENTS, {"name": "cosy", "seed": 0})


@pytest.fixture
def drawer(models: Models, config: RunConfig) -> Drawer:
    return Drawer(models, config, LATENTS, {})


@pytest.fixture
def client(file: LabelFile, drawer: Drawer) -> TestClient:
    """Whoever has the token."""
    application = site(Round(Plan(LATENTS, 12, 0.25), file), drawer, WORDS, key_of(TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    return TestClient(application, "http://localhost", raise_server_exceptions=False, headers=headers)


@pytest.fixture
def post(client: TestClient) -> Post:
    """`post(path, tab=…, …)`: what is answered."""

    def call(path: str, **said: Any) -> dict[str, Any]:
        answer = client.post(path, json={"tab": "one", **said})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return call
