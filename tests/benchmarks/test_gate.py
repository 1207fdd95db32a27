"""The gate tells a slower ratio from a noisy one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from tests.benchmarks.gate import BASELINE, regressions, write_baseline
from tests.benchmarks.timing import SpeedRow


def row(ratio: float, sense: Literal[">=", "<="] = ">=", name: str = "masks") -> SpeedRow:
    return SpeedRow(name, (ratio,), 1.0, 1.0, "theirs / ours", 1.0, sense)


@pytest.mark.parametrize(
    ("before", "now", "sense", "worse"),
    [
        (20, 18, ">=", False),
        (20, 16, ">=", True),
        (20, 99, ">=", False),
        (1.0, 1.1, "<=", False),
        (1.0, 1.2, "<=", True),
    ],
)
def test_a_row_is_worse_when_its_median_leaves_the_tolerance_on_the_wrong_side(
    before: float, now: float, sense: Literal[">=", "<="], worse: bool, tmp_path: Path
) -> None:
    write_baseline([row(before, sense)], tmp_path / "baseline.json")
    assert bool(regressions([row(now, sense)], tmp_path / "baseline.json", 0.15)) is worse


def test_unknown_rows_pass_and_rows_that_were_not_measured_stay(tmp_path: Path) -> None:
    write_baseline([row(20)], tmp_path / "baseline.json")
    assert regressions([row(0.1, name="new")], tmp_path / "baseline.json") == []
    write_baseline([row(5, name="new")], tmp_path / "baseline.json")
    assert regressions([row(10)], tmp_path / "baseline.json") == ["masks: theirs / ours: 10, was 20, may be >= 17"]


def test_a_damaged_baseline_is_named(tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text("[]")
    with pytest.raises(ValueError, match=r"baseline\.json: expected an object"):
        regressions([row(1)], tmp_path / "baseline.json")


def test_the_committed_baseline_can_be_read() -> None:
    assert all(value > 0 for value in json.loads(BASELINE.read_text()).values())
    assert regressions([]) == []
