"""What the parity tests of face detection and parsing share: recorded numbers, and weights drawn by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def reference(shared: Path) -> Path:
    """The folder of the recorded data."""
    folder = shared / "reference2"
    if not (folder / "nets.npz").is_file():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    return folder


@pytest.fixture(scope="session")
def recorded(reference: Path) -> dict[str, Any]:
    """Arrays of nets.npz, and under `json` what nets.json says."""
    with np.load(reference / "nets.npz") as file:
        return {**file, "json": json.loads((reference / "nets.json").read_text())}
