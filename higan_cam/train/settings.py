"""What every training run is told, which of its workers this process is, and what it says of its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field
from typing import Any, ClassVar, Protocol


class Settings(Protocol):
    """Any trainer's settings: a frozen dataclass of plain values with these two among them."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def output(self) -> str:
        """Folder of the checkpoint and of what ships."""

    @property
    def checkpoint_every(self) -> int:
        """Steps between checkpoints, 1 or more."""


@dataclass(frozen=True)
class World:
    """This process among the workers of a data-parallel run."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    """Where its networks compute, as PyTorch names it. Data and random numbers are made on the CPU, then moved."""


@dataclass(frozen=True)
class Progress:
    """One line of progress: which stage, how far, and the numbers worth plotting."""

    stage: str
    step: int
    of: int
    metrics: dict[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]
"""Where lines of progress go."""
