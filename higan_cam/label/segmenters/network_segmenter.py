"""A segmenter made of any network that gives a map of its own classes: one of ours, or one in a user's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.label.segmenters.crops import crops_of, segmentation
from higan_cam.label.segmenters.detection import Detector, WholePicture
from higan_cam.label.segmenters.label_maps import LabelMap, label_map
from higan_cam.label.segmenters.segmenter import Segmentation
from higan_cam.losses.backbones import as_imagenet

BATCH = 16
"""Crops per pass."""
EXPECTS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "signed": lambda unit: 2 * unit - 1,
    "unit": lambda unit: unit,
    "imagenet": lambda unit: as_imagenet(2 * unit - 1),
}
"""What a network may expect of the crop in [0,1]: [-1,1], [0,1], or ImageNet's mean and deviation taken out."""
GIVES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "logits": lambda given: given.softmax(dim=1),
    "probabilities": lambda given: given,
}
"""What a network may give, and how that becomes probabilities."""


@dataclass(frozen=True)
class Settings:
    """How a network wants its pictures and what it gives, as its file says in its metadata, under `settings`, as JSON.

    Attributes:
        label_map: name of the label map (`label_maps.py`), or numbers.
        side: of the square pictures that it looks at, px; None: any size.
        expects: one of `EXPECTS`.
        gives: one of `GIVES`.
    """

    label_map: str
    side: int | None = None
    expects: str = "signed"
    gives: str = "logits"

    def __post_init__(self) -> None:
        label_map(self.label_map)
        if self.expects not in EXPECTS or self.gives not in GIVES:
            raise ValueError(
                f"expects must be one of {', '.join(EXPECTS)} and gives one of {', '.join(GIVES)}, "
                f"got {self.expects!r} and {self.gives!r}"
            )
        if self.side is not None and (not isinstance(self.side, int) or self.side < 1):
            raise ValueError(f"side must be a whole number of pixels or null, got {self.side!r}")

    @property
    def labels(self) -> LabelMap:
        """Which class is which part."""
        return label_map(self.label_map)


@dataclass(frozen=True, eq=False)
class NetworkSegmenter:
    """Fits `Segmenter`: differentiable where the network is.

    Attributes:
        network: (N,3,h,w) crops as it expects them -> (N,C,h',w').
        settings: of the network.
        source: file that it came from, for errors.
        detector: what finds the face.
    """

    network: Callable[[Tensor], Tensor]
    settings: Settings
    source: str = "network"
    detector: Detector = field(default_factory=WholePicture)

    def segment(self, image: Tensor) -> Segmentation:
        """See `Segmenter`. WeightsError: the network gives something else than a map of the label map's classes."""
        crops = crops_of(image, self.detector, self.settings.side)
        seen = EXPECTS[self.settings.expects](crops.pictures[crops.found])
        likely = torch.cat([self._likely(part) for part in seen.split(BATCH)]) if len(seen) else self._nothing(seen)
        return segmentation(crops, likely, self.settings.labels)

    def _likely(self, seen: Tensor) -> Tensor:
        given = self.network(seen)
        classes = len(self.settings.labels.parts)
        if not isinstance(given, Tensor) or given.ndim != 4 or given.shape[:2] != (len(seen), classes):
            found = tuple(given.shape) if isinstance(given, Tensor) else f"a {type(given).__name__}"
            raise WeightsError(
                f"{self.source}: gives {found} for {len(seen)} pictures; the label map "
                f"{self.settings.labels.name!r} has {classes} classes, so "
                f"({len(seen)},{classes},h,w) is expected: name another"
            )
        likely = GIVES[self.settings.gives](given.float())
        if likely.shape[2:] == seen.shape[2:]:
            return likely
        return torch.nn.functional.interpolate(likely, seen.shape[2:], mode="bilinear", align_corners=False)

    def _nothing(self, seen: Tensor) -> Tensor:
        return seen.new_zeros((0, len(self.settings.labels.parts), *seen.shape[2:]))
