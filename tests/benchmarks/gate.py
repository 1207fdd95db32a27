"""Is a ratio worse than the committed one? Ratios of one run compare across machines; seconds do not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.benchmarks.timing import SpeedRow

BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.15
"""Share of the committed ratio that a median may lose: the spread of medians on shared machines."""


def regressions(rows: Iterable[SpeedRow], baseline: Path = BASELINE, tolerance: float = TOLERANCE) -> list[str]:
    """One line per row whose median ratio is worse than the baseline's by more than the tolerance.

    A row that the baseline does not know is no regression.

    Raises:
        ValueError: the baseline is not a mapping of names to ratios.
    """
    known = json.loads(baseline.read_text(encoding="utf-8"))
    if not isinstance(known, dict) or not all(isinstance(value, int | float) for value in known.values()):
        raise ValueError(f"{baseline}: expected an object of names and ratios; write it with --write-baseline")
    lines = []
    for row in rows:
        before = known.get(_key(row))
        if before is None:
            continue
        limit = before * (1 - tolerance) if row.sense == ">=" else before * (1 + tolerance)
        if (row.median < limit) if row.sense == ">=" else (row.median > limit):
            lines.append(f"{_key(row)}: {row.median:.3g}, was {before:.3g}, may be {row.sense} {limit:.3g}")
    return lines


def write_baseline(rows: Sequence[SpeedRow], baseline: Path = BASELINE) -> None:
    """Put these medians beside those of rows that were not measured now."""
    known = json.loads(baseline.read_text(encoding="utf-8")) if baseline.exists() else {}
    known |= {_key(row): float(f"{row.median:.4g}") for row in rows}
    baseline.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _key(row: SpeedRow) -> str:
    return f"{row.name}: {row.meaning}"
