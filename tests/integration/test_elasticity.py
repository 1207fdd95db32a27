"""A cluster that grows and shrinks under a run: several real Ray nodes in namespaces of their own.

`HIGAN_CAM_CHAOS_KILLS` (the nightly size of tests/chaos) adds the labelling stage.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import namespace
from tests.chaos.cluster import environment
from tests.support.small_runs import digests
from tests.support.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.namespaces]
NIGHTLY = "HIGAN_CAM_CHAOS_KILLS" in os.environ
UNITS = {"label": 4, "mask": 6} if NIGHTLY else {"mask": 6}
STAGES = ("label", "fit", "mask") if NIGHTLY else ("mask",)
Begun = dict[str, list[tuple[int, str]]]


@pytest.fixture(scope="module")
def played(reference_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Begun]:
    """The run, and which node began which shard."""
    obstacle = namespace.obstacle()
    if obstacle:
        pytest.skip(f"elasticity: {obstacle}")
    folder = tmp_path_factory.mktemp("elastic")
    unmade = ("scores*", "boundary", "data*") if NIGHTLY else ("data*",)
    shutil.copytree(reference_run, folder / "run", ignore=shutil.ignore_patterns(*unmade))
    command = namespace.within([sys.executable, "-m", "tests.integration.elastic", str(folder), *STAGES])
    # Its own environment: a Ray in this process may have turned token authentication on, which that cluster has not.
    result = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=3 * PATIENCE_S
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "run", json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("stage", list(UNITS))
def test_a_node_that_joins_gets_work(stage: str, played: tuple[Path, Begun]) -> None:
    assert len({node for _, node in played[1][stage]}) == 2


@pytest.mark.parametrize("stage", list(UNITS))
def test_a_node_that_leaves_costs_only_its_unit_in_flight(stage: str, played: tuple[Path, Begun]) -> None:
    begun = [shard for shard, _ in played[1][stage]]
    assert set(begun) == set(range(UNITS[stage]))
    assert len(begun) == UNITS[stage] + 1


def test_the_bytes_are_those_of_a_run_that_nobody_joined_or_left(
    played: tuple[Path, Begun], reference_run: Path
) -> None:
    assert digests(played[0]) == digests(reference_run)
