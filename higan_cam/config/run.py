"""The whole job as one frozen value."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from higan_cam.config.curation import CurationConfig
from higan_cam.config.pictures import InvertConfig, LightConfig, StudentConfig, UpscaleConfig
from higan_cam.config.runtime import RuntimeConfig
from higan_cam.config.scorer import ScorerConfig
from higan_cam.config.section import Section
from higan_cam.config.stages import (
    AttributionConfig,
    BoundaryConfig,
    EditConfig,
    GeneratorConfig,
    LabelConfig,
    MaskConfig,
    PublishConfig,
    RegionConfig,
    SourceConfig,
)
from higan_cam.config.store import StoreConfig
from higan_cam.config.words import spoken


class RunConfig(Section):
    """The whole job."""

    output: str = "runs/rooms"
    """Where everything goes: a folder or any fsspec URI (file, s3, gs)."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the latents and of every split."""
    attribute: str = Field(default="indoor_lighting", pattern=r"^\w[\w.-]{0,99}$")
    """What the score measures; names the boundary."""
    attributes: dict[str, dict[str, Any]] = Field(default={})
    """Several at once: {name: {section: {field: value}}}, what is said over the rest of this file for that attribute
    alone. Each is a run of its own in `<output>/<name>`; images are drawn once for the labels of all."""
    source: SourceConfig = SourceConfig()
    generator: GeneratorConfig = GeneratorConfig()
    scorer: ScorerConfig = ScorerConfig()
    invert: InvertConfig = InvertConfig()
    student: StudentConfig = StudentConfig()
    light: LightConfig = LightConfig()
    upscale: UpscaleConfig = UpscaleConfig()
    label: LabelConfig = LabelConfig()
    boundary: BoundaryConfig = BoundaryConfig()
    edit: EditConfig = EditConfig()
    attribution: AttributionConfig = AttributionConfig()
    regions: RegionConfig = RegionConfig()
    mask: MaskConfig = MaskConfig()
    publish: PublishConfig = PublishConfig()
    curation: CurationConfig = CurationConfig()
    store: StoreConfig = StoreConfig()
    runtime: RuntimeConfig = RuntimeConfig()

    @field_validator("output")
    @classmethod
    def _somewhere(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must name a folder or URI")
        return value

    @property
    def judge(self) -> ScorerConfig | None:
        """`mask.second_scorer`, but for the embedded one where the run's own scorer measures something else."""
        second, own = self.mask.second_scorer, (self.scorer.name, self.scorer.weights)
        embedded = second is not None and (second.name, second.weights) == ("lighting", "rooms_second")
        return None if embedded and own != ("lighting", "rooms") else second

    @property
    def final_attribution(self) -> AttributionConfig:
        """Where the heat of the samples comes from: `attribution`, or the student that `mask.refine` trains."""
        refined = self.mask.refine is not None
        return self.with_attribution("student").attribution if refined else self.attribution

    def with_attribution(self, name: str) -> RunConfig:
        """The same job by the attribution of this name. For computing only: its hash is another run's."""
        return self.model_copy(update={"attribution": self.attribution.model_copy(update={"name": name})})

    @property
    def listed(self) -> MaskConfig:
        """`mask` as commands have it that ask nothing but pictures: larger ones have a size of shards of their own."""
        if self.upscale.weights is None:
            return self.mask
        return self.mask.model_copy(update={"shard_size": self.upscale.shard_size})

    @property
    def unrefined(self) -> RunConfig:
        """The same job with the masks of `attribution` itself and nothing relit, as a pilot has them.

        For computing only: its hash is another run's.
        """
        return self.model_copy(update={"mask": self.mask.model_copy(update={"refine": None}), "light": LightConfig()})

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if self.source.kind == "latents" and self.mask.count > self.label.count:
            raise ValueError(
                f"mask.count ({self.mask.count}) must be <= label.count ({self.label.count}): "
                "masks are made for labelled latents"
            )
        if self.boundary.weights is None and self.label.count < 2 * self.boundary.tails:
            raise ValueError(
                f"label.count ({self.label.count}) must be >= 2 x boundary.tails ({self.boundary.tails}): "
                "label more latents or use smaller tails"
            )
        return self

    @model_validator(mode="after")
    def _pilot_possible(self) -> RunConfig:
        if self.mask.refine is None:
            return self
        if self.source.kind == "pictures":
            raise ValueError(
                "mask.refine is for runs on latents; for pictures, train a student on such a run and name it in "
                "student.weights, or use `higan-cam recommend`"
            )
        if self.mask.pilot > self.label.count:
            raise ValueError(
                f"mask.pilot ({self.mask.pilot}) must be <= label.count ({self.label.count}): "
                "a pilot is made of labelled latents; label more, or take a smaller pilot"
            )
        if self.mask.pilot <= 2 * self.mask.shard_size:
            raise ValueError(
                f"mask.pilot ({self.mask.pilot}) must be > 2 x mask.shard_size ({self.mask.shard_size}): "
                "of three shards or more, one can be held out"
            )
        return self

    @model_validator(mode="after")
    def _words_in_use(self) -> RunConfig:
        """Words that are not said are settled here, so that the run, its hash and its record have those it uses."""
        captions = spoken(self.publish.captions, self.generator.weights, self.attribute)
        if captions != self.publish.captions:
            # Frozen, and still being made.
            object.__setattr__(self, "publish", self.publish.model_copy(update={"captions": captions}))
        return self
