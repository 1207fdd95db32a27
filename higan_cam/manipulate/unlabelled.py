"""Samples that a scorer has no score for: how many, and why; kept with the boundary that was fitted without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNLABELLED_KEY = "unlabelled"
"""Where a boundary's metrics keep them."""


@dataclass(frozen=True)
class Unlabelled:
    """What is said of them.

    Attributes:
        count, of: samples without a score, of so many.
        reasons: {reason: samples}, of the first of them; empty where the scorer gives none.
    """

    count: int
    of: int
    reasons: Mapping[str, int]

    def sentence(self) -> str:
        """For logs, report and card."""
        asked = sum(self.reasons.values())
        listed = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())
        first = "" if asked == self.count else f" of the first {asked:,}"
        why = f" ({listed}{first})" if listed else ""
        return f"unlabelled: {self.count:,} of {self.of:,}{why}"

    def to_json(self) -> dict[str, Any]:
        """For the boundary's metrics."""
        return {"count": self.count, "of": self.of, "reasons": dict(self.reasons)}


def unlabelled_of(metrics: Mapping[str, Any]) -> Unlabelled | None:
    """What a boundary's metrics say of them; None where all samples have a score."""
    found = metrics.get(UNLABELLED_KEY)
    return None if found is None else Unlabelled(found["count"], found["of"], found["reasons"])
