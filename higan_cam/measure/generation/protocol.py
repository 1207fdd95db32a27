"""Figures of a generator, each with how it was measured, so that no two are compared that cannot be.

The same generator has had a Frechet distance of 4 and of 66 under other filters, references and numbers of samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from higan_cam.errors import DataError
from higan_cam.types import Interval


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How two sets of pictures were compared.

    Attributes:
        features, features_sha256: the network, and its weights.
        side: px at which the network saw them; filter: how they came to it; picture_side: before that.
        reals, samples: how many; reference_sha256: over the real pictures, in order.
        neighbours: k of precision, recall, density and coverage; parts: that the kernel distance is the mean of.
    """

    features: str
    features_sha256: str
    side: int
    filter: str
    picture_side: int
    reals: int
    samples: int
    reference_sha256: str
    neighbours: int
    parts: int


@dataclass(frozen=True)
class GenerationFigures:
    """What one comparison found.

    Attributes:
        figures: by name: frechet, kernel, precision, recall, density, coverage; what too few pictures do not carry is
            absent.
    """

    protocol: Protocol
    figures: Mapping[str, Interval]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; `from_json` reads them."""
        return {
            "protocol": asdict(self.protocol),
            "figures": {name: asdict(each) for name, each in self.figures.items()},
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> GenerationFigures:
        """What `to_json` wrote. DataError: something else."""
        try:
            figures = {name: Interval(**each) for name, each in values["figures"].items()}
            return GenerationFigures(Protocol(**values["protocol"]), figures)
        except (KeyError, TypeError) as error:
            raise DataError(f"figures of a generator: expected a protocol and figures, got {error}") from error


def check_comparable(one: Protocol, other: Protocol) -> None:
    """Return where figures of both may be compared.

    Raises:
        DataError: they were not measured in the same way; says what differs.
    """
    differing = [
        f"{field.name} {getattr(one, field.name)!r} and {getattr(other, field.name)!r}"
        for field in fields(Protocol)
        if getattr(one, field.name) != getattr(other, field.name)
    ]
    if differing:
        raise DataError(
            f"figures that were measured differently cannot be compared: {'; '.join(differing)}. Measure both again"
        )
