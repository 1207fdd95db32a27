"""Results of a campaign: read back, and as the table of README.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.chaos.faults import FAULTS


def read_rounds(lines: Path) -> list[dict[str, Any]]:
    """Rounds played so far; none where the file is not there."""
    if not lines.is_file():
        return []
    return [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]


def table(rounds: Sequence[dict[str, Any]]) -> str:
    """Markdown: one row per fault, and the sum."""
    heading = (
        "| fault | injected | runs finished | objects differing | objects missing | extra objects | seconds lost |"
    )
    rows = [_row(FAULTS[name].meaning, [r for r in rounds if r["plan"]["fault"] == name]) for name in FAULTS]
    lines = [heading, "| --- | --- | --- | --- | --- | --- | --- |", *(row for row in rows if row)]
    return "\n".join([*lines, _row("**all**", rounds)])


def _row(meaning: str, rounds: Sequence[dict[str, Any]]) -> str:
    if not rounds:
        return ""
    counts = [sum(len(r["difference"][kind]) for r in rounds) for kind in ("differing", "missing", "extra")]
    cells = [meaning, len(rounds), sum(r["finished"] for r in rounds), *counts, _lost(r["lost_s"] for r in rounds)]
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _lost(seconds: Iterable[float | None]) -> str:
    known = sorted(value for value in seconds if value is not None)
    return f"{round(median(known))} ({round(known[0])} to {round(known[-1])})" if known else ""
