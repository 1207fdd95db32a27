"""Embedded weights: where their files are, whichever way the package is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.errors import WeightsError
from higan_cam.weights import embedded
from higan_cam.weights.embedded import EMBEDDED_ENCODERS, EMBEDDED_SCORERS, EMBEDDED_STUDENTS, embedded_path, knows


def test_embedded_files_are_found_in_a_wheel_and_in_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "higan_cam"
    for folder in (package / "data", tmp_path / "data"):
        folder.mkdir(parents=True)
    monkeypatch.setattr(embedded, "_PACKAGE", package)
    (tmp_path / "data" / "w.bin").touch()
    with pytest.raises(WeightsError, match=r"'w\.bin' is not installed"):
        embedded_path("w.bin")  # a data folder beside an installed package is not ours
    (tmp_path / "pyproject.toml").touch()
    assert embedded_path("w.bin") == tmp_path / "data" / "w.bin"
    (package / "data" / "w.bin").touch()
    assert embedded_path("w.bin") == package / "data" / "w.bin"


def test_networks_of_rooms_know_nothing_of_faces() -> None:
    for table in (EMBEDDED_ENCODERS, EMBEDDED_SCORERS, EMBEDDED_STUDENTS):
        for network in table.values():
            assert knows(network, network.world)
            assert not knows(network, "faces" if network.world == "rooms" else "rooms")
            assert not knows(network, "somebody/elses.pth")
