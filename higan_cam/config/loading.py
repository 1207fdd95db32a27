"""One typed, frozen configuration, validated at construction: YAML plus `--set section.field=value`.

`RunConfig` is the whole job. Everything in it except `output`, `store`, `curation` and `runtime` shapes the bytes of
the dataset and is part of `config_hash`; `store` and `runtime` say how to run, never what comes out, and `curation`
what to use of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from higan_cam.config.layers import checked_layers, parse_layers
from higan_cam.config.scorer import ScorerConfig
from higan_cam.config.section import CaptionConfig, CurationConfig, RuntimeConfig
from higan_cam.config.section import Section as _Section
from higan_cam.config.store import StoreConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.types import MaskStyle, Precision, RankBy, Sign, Target

PROFILES = ("default", "seed")


class GeneratorConfig(_Section):
    """Which generator draws the images."""

    weights: str = "rooms"
    """`rooms` (embedded), a fetched checkpoint by name (`higan-cam weights list`), or a path to its file."""
    truncation_psi: float | None = Field(default=None, ge=0, le=1)
    """Truncation strength; null keeps what the weights were made with."""
    truncation_layers: int | None = Field(default=None, ge=0)
    """Number of leading w+ rows that are truncated; null keeps what the weights were made with."""
    precision: Precision = "float32"
    """Of the layers' products: tf32 (GPUs of 2020 and later) and bfloat16 are faster, and round more coarsely."""


class LabelConfig(_Section):
    """Stage one: sample latents, generate, score."""

    count: int = Field(default=50_000, ge=1)
    """Latents to sample and label."""
    shard_size: int = Field(default=2_048, ge=1)
    """Latents per shard (one file, one unit of work). Aim for several seconds of work."""
    micro_batch: int = Field(default=16, ge=1)
    """Images per forward pass. Part of the result: floating-point sums may depend on it."""


class BoundaryConfig(_Section):
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


class EditConfig(_Section):
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


class AttributionConfig(_Section):
    """How the change between the two ends becomes a heat map."""

    name: str = "light_change"
    """light_change, light_steps, image_difference, path, jvp, activation_difference, grad_cam, hires_cam or
    layer_cam."""
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
    image_difference, light_change and light_steps, positive for all others."""
    map_size: int = Field(default=256, ge=16, le=4096)
    """Side of the heat map, pixels."""

    @field_validator("layers", mode="before")
    @classmethod
    def _layers(cls, value: Any) -> Any:
        return checked_layers(value)


class RegionConfig(_Section):
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


class MaskConfig(_Section):
    """Stage three: edit, attribute, cluster, publish."""

    count: int = Field(default=1_024, ge=1)
    """Samples to make; they are the first `count` labelled latents."""
    shard_size: int = Field(default=64, ge=1)
    """Samples per shard (one Parquet file, one unit of work)."""
    micro_batch: int = Field(default=8, ge=1)
    """Samples per attribution pass. Part of the result."""
    second_scorer: ScorerConfig | None = ScorerConfig(weights="rooms_second")
    """A held-out scorer that judges the masks as well (`retention_second`, `necessity_second`): one that took no part
    in labelling, fitting, editing or attribution. Null: none. The embedded one judges runs whose scorer is embedded
    too; in others it is left out."""


class PublishConfig(_Section):
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


class RunConfig(_Section):
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
    generator: GeneratorConfig = GeneratorConfig()
    scorer: ScorerConfig = ScorerConfig()
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

    @property
    def judge(self) -> ScorerConfig | None:
        """`mask.second_scorer`, but for the embedded one where the run's own scorer measures something else."""
        second, own = self.mask.second_scorer, (self.scorer.name, self.scorer.weights)
        embedded = second is not None and (second.name, second.weights) == ("lighting", "rooms_second")
        return None if embedded and own != ("lighting", "rooms") else second

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if self.mask.count > self.label.count:
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


_SEED_PROFILE: dict[str, Any] = {
    "attribution": {"name": "activation_difference", "layers": "6-11"},
    "edit": {"distance": 3.0, "layers": "6-11"},
    "boundary": {"method": "svm", "C": 1.0},
    "regions": {"eps": 4.0, "min_samples": 40, "threshold": 0.5, "top": 3, "style": "ellipse"},
}
"""The settings published with HiGAN_CAM (DESIGN section 4)."""


def load_config(path: str | Path | None = None, overrides: Iterable[str] = (), profile: str = "default") -> RunConfig:
    """The effective configuration: profile, then the YAML file, then `section.field=value` overrides.

    Raises:
        ConfigError: naming the field, the value found, what was expected, and the nearest known name.
    """
    if profile not in PROFILES:
        raise unknown_name("profile", profile, PROFILES)
    values: dict[str, Any] = {}
    if profile == "seed":
        values = merged(values, _SEED_PROFILE)
    if path is not None:
        values = merged(values, _read_yaml(Path(path)))
    for override in overrides:
        values = merged(values, _parse_override(override))
    return parse_config(values)


def parse_config(values: Mapping[str, Any]) -> RunConfig:
    """A nested mapping -> `RunConfig`; every problem becomes one line of a single `ConfigError`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(item) for item in error.errors())) from error


def identity(config: RunConfig) -> dict[str, Any]:
    """The part of the configuration that decides the bytes of the dataset (no output, store, curation or runtime)."""
    several = {"attributes"} if not config.attributes else set()
    return config.model_dump(mode="json", exclude={"output", "curation", "store", "runtime", *several})


def config_hash(config: RunConfig) -> str:
    """sha256 (hex) of the canonical JSON of `identity(config)`."""
    canonical = json.dumps(identity(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def differing_fields(left: Mapping[str, Any], right: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the fields in which two nested mappings differ, with both values."""
    lines: list[str] = []
    for key in sorted(set(left) | set(right)):
        a, b = left.get(key), right.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differing_fields(a, b, f"{prefix}{key}.")
        elif a != b:
            lines.append(f"{prefix}{key}: {a!r} there, {b!r} asked for")
    return lines


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"config file {path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"config file {path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"config file {path}: not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"config file {path}: expected a mapping of sections, got {type(values).__name__}")
    return values


def _parse_override(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--set expects section.field=value, got {text!r}")
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {name}: not a YAML value: {value!r}") from error
    for part in reversed(name.strip().split(".")):
        nested = {part: nested}
    return dict(nested)


def merged(base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings as one; `update` is said last."""
    result = dict(base)
    for key, value in update.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def _explain(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"] if part not in ("float", "int") and "literal" not in str(part))
    if item["type"] == "extra_forbidden":
        section = _section_fields(item["loc"][:-1])
        return f"config: {unknown_name(name, str(item['loc'][-1]), section)}"
    message = item["msg"].removeprefix("Value error, ")
    found = "" if isinstance(item["input"], (dict, BaseModel)) else f", got {item['input']!r}"
    return f"{name or 'config'}: {message}{found}"


def _section_fields(location: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = RunConfig
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return list(model.model_fields)


__all__ = [
    "AttributionConfig",
    "BoundaryConfig",
    "CaptionConfig",
    "CurationConfig",
    "EditConfig",
    "GeneratorConfig",
    "LabelConfig",
    "MaskConfig",
    "PublishConfig",
    "RegionConfig",
    "RunConfig",
    "RuntimeConfig",
    "ScorerConfig",
    "StoreConfig",
    "config_hash",
    "differing_fields",
    "identity",
    "load_config",
    "merged",
    "parse_config",
    "parse_layers",
]
