"""The attribution that a run has chosen for itself, with the figures that it was chosen by: what run.json keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from higan_cam.errors import DataError
from higan_cam.types import Interval


@dataclass(frozen=True)
class Candidate:
    """One method that was compared. Means over the pilot's samples with 95% intervals.

    Attributes:
        figures: by name (retention, necessity, and those of the second scorer): what the method's masks hold of the
            score's change above what moved masks of their area do.
        gain: the mean of all figures.
        behind: gain of the chosen method minus this one's, sample by sample.
        coverage: share of the picture under the masks.
    """

    name: str
    figures: Mapping[str, Interval]
    gain: Interval
    behind: Interval
    coverage: Interval


@dataclass(frozen=True)
class Choice:
    """All that were compared, the highest gain first.

    Attributes:
        name: of the chosen one, whose gain is highest.
        samples: behind every figure.
    """

    name: str
    samples: int
    candidates: tuple[Candidate, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {**asdict(self), "candidates": [asdict(one) for one in self.candidates]}


def choice_from(record: Mapping[str, Any]) -> Choice:
    """What `to_json` gave. DataError: something else."""
    try:
        candidates = tuple(
            Candidate(
                one["name"],
                {name: Interval(**figure) for name, figure in one["figures"].items()},
                Interval(**one["gain"]),
                Interval(**one["behind"]),
                Interval(**one["coverage"]),
            )
            for one in record["candidates"]
        )
        return Choice(str(record["name"]), int(record["samples"]), candidates)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"the record of the chosen attribution is not one ({error!r}): was it edited?") from error
