"""What the report and the card of a refined run say: the masks of its pilot and the refined ones, on the same samples.

Filled by `measure.refinement`, on samples that the student has not learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from higan_cam.types import Interval


@dataclass(frozen=True)
class RefinedRow:
    """One figure of the masks; means with 95% intervals, and that of the difference, sample by sample.

    Attributes:
        samples: those that have it of both masks.
    """

    name: str
    pilot: Interval
    refined: Interval
    gain: Interval
    samples: int


@dataclass(frozen=True)
class RefinedView:
    """The section.

    Attributes:
        attribution: what the pilot's heat is of; pilot: its samples.
        sha256: of the student.
        compared: samples of the pilot that the student has not learned from, with their refined masks.
        with_mask: how many of these have a mask, {pilot or refined: samples}.
        overlap: IoU of both masks, where one has a pixel; None where none has.
    """

    attribution: str
    pilot: int
    sha256: str
    compared: int
    with_mask: Mapping[str, int]
    overlap: Interval | None
    rows: tuple[RefinedRow, ...]
