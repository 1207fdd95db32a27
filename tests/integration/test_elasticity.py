"""A cluster that grows and shrinks under a run: several real Ray nodes in namespaces of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from higan_cam.publish import open_store, verify_run
from tests.chaos import namespace

pytestmark = [pytest.mark.integration, pytest.mark.slow]
UNITS = {"label": 8, "mask": 8}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The run's folder, and who began what."""
    obstacle = namespace.obstacle()
    if obstacle:
        pytest.skip(f"elasticity: {obstacle}")
    folder = tmp_path_factory.mktemp("elastic")
    command = namespace.within([sys.executable, "-m", "tests.integration.elastic", str(folder)])
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("stage", list(UNITS))
def test_a_node_that_joins_gets_work(stage: str, played: tuple[Path, dict[str, Any]]) -> None:
    assert len({node for _, node in played[1][stage]}) == 2


@pytest.mark.parametrize("stage", list(UNITS))
def test_a_node_that_leaves_costs_only_its_unit_in_flight(stage: str, played: tuple[Path, dict[str, Any]]) -> None:
    begun = [shard for shard, _ in played[1][stage]]
    assert set(begun) == set(range(UNITS[stage]))
    assert len(begun) <= UNITS[stage] + 1


def test_the_run_is_whole_and_nothing_is_quarantined(played: tuple[Path, dict[str, Any]]) -> None:
    folder, result = played
    assert result["problems"] == []
    assert verify_run(open_store(str(folder / "run"))) == []
