"""What of a finished run is good enough to use."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from higan_cam.config.section import Section


class CurationConfig(Section):
    """Which samples are good enough to train on. Changes no shard, so it may change after the run.

    Rules apply in the order given here; null leaves a rule out. A sample without a figure fails that figure's rule.
    """

    min_regions: int | None = Field(default=1, ge=0)
    """Regions at least."""
    max_regions: int | None = Field(default=None, ge=0)
    """Regions at most."""
    min_score_change: float | None = None
    """Score of `image` minus score of `negative`, at least."""
    min_retention: float | None = None
    """Retention at least."""
    min_necessity: float | None = None
    """Necessity at least."""
    min_coverage: float | None = Field(default=None, ge=0, le=1)
    """Share of the picture under the mask, at least."""
    max_coverage: float | None = Field(default=None, ge=0, le=1)
    """Share of the picture under the mask, at most."""
    labeller: str | None = None
    """Weights of a labeller (`jobs/train_labeller.py`), a file or the folder, that looks at every `original`."""
    min_probability: float | None = Field(default=None, ge=0, le=1)
    """Its probability of label 1, at least."""
    max_probability: float | None = Field(default=None, ge=0, le=1)
    """Its probability of label 1, at most."""
    duplicate_distance: int | None = Field(default=16, ge=0, le=64)
    """Bits of 256 in which the `image_hash` of near duplicates differs at most; the sample of lowest index stays."""
    balance: float | None = Field(default=None, ge=1)
    """Samples of a level at most, as a multiple of the level that has fewest; 1 makes all levels equal."""
    balance_by: Literal["score", "score_negative", "score_positive"] = "score_positive"
    """Score whose levels (as many as `publish.captions.levels`) are balanced."""

    @model_validator(mode="after")
    def _not_crossed(self) -> CurationConfig:
        for name in ("regions", "coverage", "probability"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{name} ({low}) must be <= max_{name} ({high}): nothing would be left")
        return self
