"""A property of the face as a `Scorer`: NaN, with a reason, where it is not defined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass

from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError
from higan_cam.label.properties.formulas import OURS, measure, range_of
from higan_cam.label.segmenters import Segmentation, Segmenter
from higan_cam.label.segmenters.loading import load_segmenter
from higan_cam.types import Scorer


class PropertyScorer(nn.Module):
    """A property of the face in a picture. Satisfies the `Scorer` protocol, and `together.Looking`.

    Attributes:
        may_lack: its scores may be NaN, which says that a picture has no label.
        looks_with: the segmenter, which other properties may share.
        differentiable: whether scores have a gradient; those of published formulas have none.

    Args:
        segmenter: finds the parts.
        target: which property.
        formula: ours, or a published one (`FORMULAS`).
        weights: what the segmenter was loaded from.

    Raises:
        ConfigError: the formula does not exist, or has no such property.
    """

    may_lack = True

    def __init__(self, segmenter: Segmenter, target: str, formula: str = OURS, weights: str = "") -> None:
        super().__init__()
        self.score_range = range_of(target, formula)
        self.attribute, self.formula, self.weights = target, formula, weights
        self.looks_with = segmenter
        self.differentiable = formula == OURS
        self.networks = nn.ModuleList(_networks(segmenter))  # go where the scorer goes

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`; NaN where the property is not defined. ConfigError: as `read`."""
        return self.read(self.look(image))

    def look(self, image: Tensor) -> Segmentation:
        """What the segmenter finds in (N,3,H,W) in [-1,1]; read by every property that shares it."""
        return self.looks_with.segment(image.clamp(-1, 1))

    def read(self, seen: Segmentation) -> Tensor:
        """(N,) float32 scores. ConfigError: a gradient is asked of a published formula."""
        if not self.differentiable and seen.crop.requires_grad:
            raise ConfigError(
                f"scorer.formula: {self.formula} has no gradient; choose ours, or an attribution that asks for none"
            )
        return measure(seen, self.attribute, self.formula).scores().float()

    def reasons(self, seen: Segmentation) -> tuple[str, ...]:
        """Per picture "" or why it has no score."""
        return measure(seen, self.attribute, self.formula).reasons()


def _networks(part: object) -> Iterator[nn.Module]:
    """Those in a segmenter, and in the detector that it finds faces by."""
    if isinstance(part, nn.Module):
        yield part
    elif is_dataclass(part):
        for each in vars(part).values():
            yield from _networks(each)


def property_scorer(config: ScorerConfig) -> PropertyScorer:
    """The scorer that the configuration describes.

    Raises:
        ConfigError: no such property or formula, which is found before the segmenter is loaded.
        WeightsError: the segmenter's file cannot be read.
    """
    target, formula = config.target or "", config.formula or OURS
    range_of(target, formula)
    return PropertyScorer(load_segmenter(config.weights), target, formula, config.weights)


def property_beside(config: ScorerConfig, others: Sequence[Scorer]) -> PropertyScorer | None:
    """The same with the segmenter of one of the others, if one has it. ConfigError: as `property_scorer`."""
    for other in others:
        if isinstance(other, PropertyScorer) and other.weights == config.weights:
            return PropertyScorer(other.looks_with, config.target or "", config.formula or OURS, config.weights)
    return None
