"""The report's command on a run that has lost a shard."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from higan_cam.store import open_store
from tests.support.commands import Command
from tests.support.small_runs import SMALL

pytestmark = pytest.mark.integration


def test_one_damaged_shard_ends_the_report_with_its_name_and_nothing_written(
    reference_run: Path, tmp_path: Path, higan_cam: Command
) -> None:
    run = tmp_path / "run"
    shutil.copytree(reference_run, run, ignore=shutil.ignore_patterns("report", "README.md"))
    shard = sorted((run / "data").iterdir())[2]
    body = shard.read_bytes()
    shard.write_bytes(body[:100] + bytes([body[100] ^ 1]) + body[101:])
    overrides = [part for override in (*SMALL, "runtime.workers=1") for part in ("--set", override)]
    status, _, told = higan_cam("report", "--output", str(run), *overrides)
    assert status == 1
    assert f"data/{shard.name} is damaged" in " ".join(told.split())
    assert "higan-cam verify" in told
    assert "Traceback" not in told
    assert open_store(run).list("report/") == ()
    assert not (run / "README.md").exists()
