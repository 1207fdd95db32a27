"""Several scorers on one picture: what they look with is asked once, and each reads its score off what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast, runtime_checkable

from torch import Tensor

from higan_cam.label.scale import CalibratedScorer
from higan_cam.types import Scorer


@runtime_checkable
class Looking(Protocol):
    """A scorer that looks at a picture with something that others may share, and reads its score off what was seen.

    Attributes:
        looks_with: the same object in all scorers that may share what they see.
    """

    looks_with: Any

    def look(self, image: Tensor) -> Any:
        """(N,3,H,W) in [-1,1] -> what is seen, whichever scorer it is for."""
        ...

    def read(self, seen: Any) -> Tensor:
        """What was seen -> (N,) scores."""
        ...


@runtime_checkable
class Reasoning(Looking, Protocol):
    """One that can say why a picture has no score."""

    def reasons(self, seen: Any) -> tuple[str, ...]:
        """What was seen -> per picture "" or the reason."""
        ...


def score_by_all(scorers: Sequence[Scorer], image: Tensor) -> list[Tensor]:
    """(N,) scores of (N,3,H,W) by each; to the last bit what each of them says alone."""
    seen: dict[int, Any] = {}
    return [_score(scorer, image, seen) for scorer in scorers]


def _score(scorer: Scorer, image: Tensor, seen: dict[int, Any]) -> Tensor:
    if isinstance(scorer, CalibratedScorer):
        return scorer.on_scale(_score(cast(Scorer, scorer.raw), image, seen))
    if not isinstance(scorer, Looking):
        return scorer.score(image)
    shared = id(scorer.looks_with)
    if shared not in seen:
        seen[shared] = scorer.look(image)
    return scorer.read(seen[shared])
