"""What a training run is told, frozen; and which of its workers this process is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class World:
    """This process among the workers of a data-parallel run."""

    rank: int = 0
    size: int = 1


@dataclass(frozen=True)
class Progress:
    """One line of progress: which stage, how far, and the numbers worth plotting."""

    stage: str
    step: int
    of: int
    metrics: dict[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]
"""Where lines of progress go."""
