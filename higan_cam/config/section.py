"""What every configuration section has in common, and three sections: words, selection, and how a run is carried out.

The rest of the configuration is in `config`, which is where to import all of it from.
"""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from higan_cam.errors import unknown_name

PLAIN_WORDS = ("attribute", "level", "scene", "subject")
"""Placeholders of any template."""
PLACE_WORDS = ("position", "positions")
"""Placeholders that need a region: where the most important one is, and where all of them are."""
PLACES = 9


class Section(BaseModel):
    """Frozen, closed to unknown fields, documented below each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class CaptionConfig(Section):
    """The words of every sample; templates may hold the placeholders named below in braces."""

    scene: str = "bedroom"
    """What every picture shows; {scene}."""
    subject: str = "lamp"
    """What a region shows when the attribute is strong; {subject}. A word for the mask, not a finding."""
    levels: tuple[str, ...] = Field(default=("unlit", "dim", "lit", "bright"), min_length=1)
    """Words for equal steps of the scorer's range, weak to strong; {level}, of the picture that the words are about."""
    positions: tuple[str, ...] = (
        *("at the upper left", "at the top", "at the upper right"),
        *("on the left", "in the center", "on the right"),
        *("at the lower left", "at the bottom", "at the lower right"),
    )
    """Words for the ninth of the picture that holds a region's centroid, row by row; {position} and {positions}."""
    templates: tuple[str, ...] = Field(
        default=(
            "a {scene} with a {level} {subject} {position}",
            "a {level} {scene} with a {subject} {position}",
            "a {level} {scene}, light coming from a {subject} {position}",
            "a {scene} with {level} {attribute} {positions}",
        ),
        min_length=1,
    )
    """Captions of samples with a region: all become `captions`, one of them `text`."""
    plain_templates: tuple[str, ...] = Field(
        default=("a {scene} with {level} {attribute}", "a {level} {scene}", "a {level} {scene} interior"), min_length=1
    )
    """Captions without a place: `prompt`, `prompt_before`, and everything where no region was found."""
    edit_templates: tuple[str, ...] = Field(
        default=(
            "turn on the {subject} {position}",
            "switch on a {subject} {position}",
            "light up the {scene} {positions}",
        ),
        min_length=1,
    )
    """Instructions from `negative` to `image`; one becomes `edit_prompt`."""
    undo_templates: tuple[str, ...] = (
        "turn off the {subject} {position}",
        "switch off the {subject} {position}",
        "darken the {scene} {positions}",
    )
    """The way back, one for each of `edit_templates`; becomes `undo_prompt`."""
    plain_edit_templates: tuple[str, ...] = Field(
        default=("turn on the lights", "make the {scene} brighter"), min_length=1
    )
    """Instructions where no region was found."""
    plain_undo_templates: tuple[str, ...] = ("turn off the lights", "make the {scene} darker")
    """The way back, one for each of `plain_edit_templates`."""

    @field_validator("scene", "subject")
    @classmethod
    def _word(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must be a word or words")
        return value

    @field_validator("levels", "positions")
    @classmethod
    def _words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(word.strip() for word in value):
            raise ValueError("must hold words, none of them empty")
        return value

    @field_validator("positions")
    @classmethod
    def _nine(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) != PLACES:
            raise ValueError(f"must be {PLACES} words, from the upper left to the lower right row by row")
        return value

    @field_validator("templates", "edit_templates", "undo_templates")
    @classmethod
    def _with_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _checked_templates(value, (*PLAIN_WORDS, *PLACE_WORDS))

    @field_validator("plain_templates", "plain_edit_templates", "plain_undo_templates")
    @classmethod
    def _without_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _checked_templates(value, PLAIN_WORDS)

    @model_validator(mode="after")
    def _there_and_back(self) -> CaptionConfig:
        for there, back in (("edit_templates", "undo_templates"), ("plain_edit_templates", "plain_undo_templates")):
            wanted, found = len(getattr(self, there)), len(getattr(self, back))
            if wanted != found:
                raise ValueError(f"{back} must have one entry for each of {there}: {found} for {wanted}")
        return self


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
    duplicate_distance: int | None = Field(default=16, ge=0, le=64)
    """Bits of 256 in which the `image_hash` of near duplicates differs at most; the sample of lowest index stays."""
    balance: float | None = Field(default=None, ge=1)
    """Samples of a level at most, as a multiple of the level that has fewest; 1 makes all levels equal."""
    balance_by: Literal["score", "score_negative", "score_positive"] = "score_positive"
    """Score whose levels (as many as `publish.captions.levels`) are balanced."""

    @model_validator(mode="after")
    def _not_crossed(self) -> CurationConfig:
        for name in ("regions", "coverage"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{name} ({low}) must be <= max_{name} ({high}): nothing would be left")
        return self


def _checked_templates(templates: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for template in templates:
        if not template.strip():
            raise ValueError("must hold templates, none of them empty")
        for name in _placeholders(template):
            if name not in known:
                raise ValueError(str(unknown_name(f"placeholder in {template!r}", name, known)))
    return templates


def _placeholders(template: str) -> list[str]:
    """Names in braces; ValueError where the braces or what is in them are more than a name."""
    try:
        fields = [part[1:] for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}; write a brace as {{{{ or }}}}") from error
    if any(spec or conversion for _, spec, conversion in fields):
        raise ValueError(f"{template!r}: a placeholder is a name in braces and nothing else")
    return [str(name) for name, _, _ in fields]


__all__ = ["PLACES", "PLACE_WORDS", "PLAIN_WORDS", "CaptionConfig", "CurationConfig", "Section"]


class RuntimeConfig(Section):
    """How the run is carried out. Nothing here changes a byte of the result."""

    workers: int | Literal["auto"] = "auto"
    """Actors per stage; auto: one per GPU (per CPU without any) of the cluster at each moment. With an autoscaler, a
    number: the most it may start."""
    gpus_per_worker: float | Literal["auto"] = "auto"
    """GPUs per actor; auto takes 1 where the cluster has GPUs, else 0."""
    max_in_flight: int | Literal["auto"] = "auto"
    """Mask units submitted and not yet committed; auto takes two per worker."""
    max_tries: int = Field(default=3, ge=1)
    """Attempts per unit before it is quarantined."""
    hang_timeout_s: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    """Seconds after which a unit in execution counts as hung and its worker is killed; auto: ten times the longest unit
    of the stage so far, at least 300, and 3600 before one has finished."""
    start_timeout_s: float = Field(default=1800.0, gt=0)
    """Seconds to wait for a worker while none can work; an autoscaler may have to start nodes first."""
    address: str | None = None
    """Ray cluster to join: host:port, or `auto` for one on this machine; null: $RAY_ADDRESS, else one of its own."""
    lease_s: float = Field(default=30.0, ge=1)
    """Seconds of silence after which another driver may take over the output; a living one renews thrice in it."""
    lease_wait_s: float = Field(default=0.0, ge=0)
    """Seconds to wait for another driver of the same output to finish; 0 refuses once it is seen to be alive."""

    @field_validator("workers", "max_in_flight")
    @classmethod
    def _at_least_one(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("must be >= 1 or 'auto'")
        return value

    @field_validator("gpus_per_worker")
    @classmethod
    def _not_negative(cls, value: float | str) -> float | str:
        if isinstance(value, float) and value < 0:
            raise ValueError("must be >= 0 or 'auto'")
        return value
