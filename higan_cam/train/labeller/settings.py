"""What training a labeller is told, frozen."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar

from higan_cam.errors import ConfigError
from higan_cam.label.labelled.networks import WIDTH, checked_backbone
from higan_cam.label.labelled.scorer import MOST_FOLDS

PRESENTED = "presented"
MOST_RETRIES = 99
_OF_PEOPLE = re.compile(
    r"\b(gender|sex|wom[ae]n|m[ae]n|female|male|girls?|boys?|races?|racial|ethnic\w*|skin|religio\w*|"
    r"disabilit\w*|orientation|age|old|young)\b",
    re.IGNORECASE,
)
"""Words for what people are, of which a picture shows looks alone."""


@dataclass(frozen=True, kw_only=True)
class LabellerSettings:
    """Training a labeller on labels of a run's latents, or on folders of pictures for each label.

    Raises:
        ConfigError: nothing or two things to learn from, an unknown backbone, a value out of range.
    """

    output: str
    """Folder of the checkpoints, weights and figures."""
    labels: str = ""
    """CSV of index,label; with `run`."""
    run: str = ""
    """Output folder or URI of the run whose generator draws what the indices stand for."""
    negative: tuple[str, ...] = ()
    """Places with pictures of label 0, instead of `labels` and `run`."""
    positive: tuple[str, ...] = ()
    """Places with pictures of label 1."""
    examples: str = ""
    """sha256 over the labels and what they are of: others are another training, wherever they lie."""
    attribute: str = "label"
    """What label 1 means; see `presented`."""
    backbone: str = "resnet18"
    """Which network (`label.labelled.networks.BACKBONES`)."""
    width: int = WIDTH
    """Channels of a ResNet18's first stage."""
    side: int = 128
    """Side of the pictures that it sees, px; those of other sizes are resized."""
    folds: int = 5
    """Networks: each learns from all parts but one, which stops it."""
    held_out: float = 0.2
    """Share of the labels that trains, stops and calibrates nothing."""
    calibration: float = 0.1
    """Share of the labels that trains and stops nothing, and fits the temperature of all networks together."""
    epochs: int = 20
    """Passes over the pictures at most; the learning rate falls until then."""
    patience: int = 10
    """Passes without a lower loss on its own part after which a network stops; the best weights are kept."""
    batch: int = 32
    """Pictures per step."""
    learning_rate: float = 1e-3
    """AdamW's, at the top of the cosine."""
    weight_decay: float = 0.01
    """AdamW's."""
    accept: float = 0.9
    """Loss on its own part, as a share of what always saying the share of label 1 loses, from which on a network is
    trained again from other weights."""
    retries: int = 2
    """How often that is done at most, 0 to 99."""
    seed: int = 0
    """Of parts, initial weights and order."""
    checkpoint_every: int = 1_000_000
    """Steps between checkpoints within a pass over the pictures; there is one after each in any case."""

    PLACES: ClassVar[tuple[str, ...]] = ("labels", "run", "negative", "positive")

    def __post_init__(self) -> None:
        """Check what would fail later."""
        if not self.from_run and not (self.negative and self.positive and not self.labels and not self.run):
            raise ConfigError(
                "examples: give labels (a CSV of index,label) and the run that they are of, or places with pictures of "
                "both labels, negative and positive"
            )
        checked_backbone(self.backbone)
        for name in ("width", "side", "epochs", "patience", "batch", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: must be >= 1, got {getattr(self, name)}")
        if not 2 <= self.folds <= MOST_FOLDS:
            raise ConfigError(f"folds: must be 2 to {MOST_FOLDS}, got {self.folds}")
        for name in ("held_out", "calibration"):
            if not 0 < getattr(self, name) <= 0.4:
                raise ConfigError(f"{name}: a share of the labels, above 0 and at most 0.4, got {getattr(self, name)}")
        if not 0 <= self.retries <= MOST_RETRIES or not self.accept > 0:
            raise ConfigError(
                f"retries must be 0 to {MOST_RETRIES} and accept > 0, got {self.retries} and {self.accept}"
            )
        if not 0 < self.learning_rate < math.inf or not 0 <= self.weight_decay < math.inf:
            raise ConfigError(
                f"learning_rate must be > 0 and weight_decay >= 0, got {self.learning_rate} and {self.weight_decay}"
            )

    @property
    def from_run(self) -> bool:
        """Whether labels are of a run's latents and of nothing else."""
        return bool(self.labels and self.run) and not self.negative and not self.positive


def presented(attribute: str) -> str:
    """The name as scores, reports and cards carry it: what people are is what they present as, seen by a labeller.

    `gender` becomes `presented gender label`, `glasses` stays as it is.
    """
    if not _OF_PEOPLE.search(attribute.replace("_", " ")) or attribute.startswith(PRESENTED):
        return attribute
    return f"{PRESENTED} {attribute} label"
