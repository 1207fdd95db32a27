"""The sections of the configuration that shape the bytes of the dataset, stage by stage."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from higan_cam.config.captions import CaptionConfig
from higan_cam.config.layers import checked_layers
from higan_cam.config.scorer import ScorerConfig
from higan_cam.config.section import Section
from higan_cam.types import MaskStyle, Precision, RankBy, Sign, Target

AUTO = "auto"
"""`attribution.name` of a run that chooses for itself."""


class SourceConfig(Section):
    """Latents of the generator, or pictures that are turned into its codes first."""

    kind: Literal["latents", "pictures"] = "latents"
    """`latents`: samples of the generator. `pictures`: one's own; labels and boundary still come from latents."""
    pictures: str | None = None
    """A folder, glob, zip, tar, Parquet file or CSV of pictures, local or in a bucket. Listed once per run."""
    column: str | None = None
    """Which column holds them, in a Parquet file or CSV; null takes the one that does."""
    fit: Literal["crop", "pad"] = "crop"
    """How a picture becomes the generator's square: its middle, or all of it with its edges drawn out."""
    background: tuple[int, int, int] = (255, 255, 255)
    """RGB behind what is transparent, 0 to 255."""
    limit: int | None = Field(default=None, ge=1)
    """Only the first so many of the listing; null takes all."""

    @model_validator(mode="after")
    def _pictures_named(self) -> SourceConfig:
        if self.kind == "pictures" and not (self.pictures or "").strip():
            raise ValueError("pictures must name a folder, glob, archive, Parquet file or CSV where kind is 'pictures'")
        if self.kind == "latents" and self.pictures is not None:
            raise ValueError(f"pictures is {self.pictures!r}, but kind is 'latents'; set kind to 'pictures'")
        if not all(0 <= level <= 255 for level in self.background):
            raise ValueError(f"background must be three levels of 0 to 255, got {list(self.background)}")
        return self


class GeneratorConfig(Section):
    """Which generator draws the images."""

    weights: str = "rooms"
    """`rooms` (embedded), a fetched checkpoint by name (`higan-cam weights list`), or a path to its file."""
    truncation_psi: float | None = Field(default=None, ge=0, le=1)
    """Truncation strength; null keeps what the weights were made with."""
    truncation_layers: int | None = Field(default=None, ge=0)
    """Number of leading w+ rows that are truncated; null keeps what the weights were made with."""
    precision: Precision = "float32"
    """Of the layers' products: tf32 (GPUs of 2020 and later) and bfloat16 are faster, and round more coarsely."""


class LabelConfig(Section):
    """Stage one: sample latents, generate, score."""

    count: int = Field(default=50_000, ge=1)
    """Latents to sample and label."""
    shard_size: int = Field(default=2_048, ge=1)
    """Latents per shard (one file, one unit of work). Aim for several seconds of work."""
    micro_batch: int = Field(default=16, ge=1)
    """Images per forward pass. Part of the result: floating-point sums may depend on it."""


class BoundaryConfig(Section):
    """Stage two: the hyperplane between weak and strong."""

    method: str = "svm"
    """svm, mean_difference or ridge."""
    space: Literal["w"] = "w"
    """Codes it is fitted on: w before truncation."""
    tails: int = Field(default=2_000, ge=2)
    """Highest and lowest scored latents used, each."""
    C: float | Literal["auto"] = "auto"
    """SVM penalty; auto selects by rank correlation with the score outside the tails."""
    train_fraction: float = Field(default=0.7, gt=0, lt=1)
    """Share of each tail that is fitted on; the rest measures."""
    weights: str | None = None
    """A ready boundary (.safetensors, HiGAN's .npy, or a fetched one by name) instead of fitting one."""
    conditions: tuple[str, ...] = ()
    """Files of boundaries that are projected out of this one, so that edits leave their attributes alone."""
    layers: str = "auto"
    """w+ rows it recommends to edits: `auto` (what the generator or the file says), `measured` (those that make four
    fifths of the score's rise when each is moved alone: HiGAN's rescoring), `all`, or a list such as `6-11`."""
    rescoring_samples: int = Field(default=128, ge=1)
    """Samples that `measured` looks at."""

    @field_validator("layers", mode="before")
    @classmethod
    def _layers(cls, value: Any) -> Any:
        return value if value == "measured" else checked_layers(value)

    @field_validator("C")
    @classmethod
    def _positive(cls, value: float | str) -> float | str:
        if isinstance(value, float) and value <= 0:
            raise ValueError("must be > 0 or 'auto'")
        return value


class EditConfig(Section):
    """How far, and on which layers, codes move to each side of the boundary."""

    distance: float = Field(default=3.0, gt=0)
    """Code units to the positive side, and as many to the negative side; with `targets`, the most to each side."""
    targets: tuple[float, float] | None = None
    """Scores that the negative and the positive end of each sample are to reach; null: the same distance for all."""
    tolerance: float = Field(default=0.05, gt=0)
    """How near to its target a score must be to count as reached."""
    layers: str = "auto"
    """w+ rows that move: `auto` (what the weights recommend), `all`, or a list such as `6-11` or `0-4,8`."""

    @field_validator("layers", mode="before")
    @classmethod
    def _layers(cls, value: Any) -> Any:
        return checked_layers(value)

    @field_validator("targets")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] < value[1]:
            raise ValueError("must be two scores, the negative end's below the positive end's")
        return value


class AttributionConfig(Section):
    """How the change between the two ends becomes a heat map."""

    name: str = "light_change"
    """light_change, colour_change, light_steps, image_difference, path, jvp, activation_difference, grad_cam,
    hires_cam, layer_cam, student (what a network has learned from a run's masks) or auto (the best of `candidates`)."""
    candidates: tuple[str, ...] = ("light_change", "colour_change", "image_difference", "grad_cam")
    """Of `auto`: methods that are compared once, on the run's own edits, before the first mask; the best one makes all
    heat maps. light_steps and path cost three to four times as much a sample as most of these: name them to have them
    compared too."""
    pilot: int = Field(default=32, ge=8, le=4096)
    """Of `auto`: samples that they are compared on, the first so many labelled latents."""
    weights: str | None = None
    """Of the student, for that method: a file of `jobs/train_student.py`; null takes the embedded one."""
    layers: str = "auto"
    """Generator layers that are tapped, where the method taps layers; `auto` takes the edited ones."""
    steps: int = Field(default=6, ge=1, le=64)
    """Steps between the two ends, for `path` and `light_steps`."""
    layer_weights: Literal["equal", "relevance"] = "equal"
    """grad_cam, hires_cam, layer_cam: tapped layers count the same, or as much as the score rises by their row of w+
    alone (measured when the boundary is settled, stored in its metrics)."""
    scale: Literal["sample", "run"] = "sample"
    """The same methods: each layer's map is divided by its own maximum, or by its mean over the run (likewise)."""
    sign: Sign | Literal["auto"] = "auto"
    """positive (what raises the score, or brightens), negative (what lowers it) or both (their size); `auto`: both for
    image_difference, light_change, colour_change and light_steps, positive for all others."""
    map_size: int = Field(default=256, ge=16, le=4096)
    """Side of the heat map, pixels."""

    @field_validator("layers", mode="before")
    @classmethod
    def _layers(cls, value: Any) -> Any:
        return checked_layers(value)

    @model_validator(mode="after")
    def _comparable(self) -> AttributionConfig:
        if self.name != AUTO:
            return self
        if len(set(self.candidates)) != len(self.candidates) or len(self.candidates) < 2 or AUTO in self.candidates:
            raise ValueError(f"candidates must name two methods or more, each once, got {list(self.candidates)}")
        if (self.layer_weights, self.scale) != ("equal", "sample"):
            raise ValueError(
                f"layer_weights is {self.layer_weights!r} and scale {self.scale!r}, which are measured for one method; "
                "auto compares several: leave them equal and sample, or name the method"
            )
        return self


class RegionConfig(Section):
    """How a heat map becomes regions; all distances in pixels of the heat map."""

    target: Target = "extent"
    """extent (all that reaches the threshold) or emitter (the tops of the high peaks: the lamp, not its light)."""
    threshold: float = Field(default=0.3, gt=0, lt=1)
    """extent: share of the map's maximum from which on a pixel counts; published: 0.5, which misses most light."""
    emitter_peak: float = Field(default=0.6, gt=0, le=1)
    """emitter: share of the map's maximum that the hottest pixel of a peak reaches."""
    emitter_grow: float = Field(default=0.75, gt=0, lt=1)
    """emitter: share of its peak above which a pixel belongs to the peak's top."""
    eps: float = Field(default=4.0, gt=0)
    """DBSCAN radius, px."""
    min_samples: int = Field(default=40, ge=1)
    """Pixels within the radius (itself included) that make a core pixel."""
    top: int = Field(default=3, ge=1)
    """Regions kept, by rank."""
    rank_by: RankBy = "importance"
    """importance (mean heat x points) or mean (mean heat)."""
    style: MaskStyle = "cluster"
    """cluster (the pixels), ellipse (fitted) or hull (convex)."""


class MaskConfig(Section):
    """Stage three: edit, attribute, cluster, publish."""

    count: int = Field(default=1_024, ge=1)
    """Samples to make; they are the first `count` labelled latents."""
    shard_size: int = Field(default=64, ge=1)
    """Samples per shard (one Parquet file, one unit of work)."""
    micro_batch: int = Field(default=8, ge=1)
    """Samples per attribution pass. Part of the result."""
    refine: Literal["student"] | None = None
    """student: a network learns from the masks of a pilot, whose heat is that of `attribution`, and all samples get
    the heat that it sees in them and in their negative ends: what errs in one label averages away. Null: `attribution`
    itself."""
    pilot: int = Field(default=4_096, ge=3)
    """With `refine`: samples of the pilot, the first so many labelled latents, however many `count` says. One shard in
    eight is held out from learning, at least one; pilot and refined masks are compared on those that are in the run."""
    pilot_steps: int = Field(default=450, ge=1)
    """With `refine`: optimiser steps of the student, of 32 pictures each (seven minutes on a core)."""
    second_scorer: ScorerConfig | None = ScorerConfig(weights="rooms_second")
    """A held-out scorer that judges the masks as well (`retention_second`, `necessity_second`): one that took no part
    in labelling, fitting, editing or attribution. Null: none. The embedded one judges runs whose scorer is embedded
    too; in others it is left out."""


class PublishConfig(Section):
    """What the dataset says and how it is split."""

    captions: CaptionConfig = CaptionConfig()
    """Templates of captions, prompts and editing instructions."""
    validation_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of shards in the validation split (at least one when > 0 and there are 3 shards)."""
    test_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of shards in the test split (likewise)."""
    row_group: int = Field(default=100, ge=1)
    """Rows per Parquet row group."""

    @model_validator(mode="after")
    def _some_train(self) -> PublishConfig:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"validation_fraction ({self.validation_fraction}) + test_fraction ({self.test_fraction}) must be < 1: "
                "some shards are for training"
            )
        return self
