"""The words of every sample."""

from __future__ import annotations

from string import Formatter

from pydantic import Field, field_validator, model_validator

from higan_cam.config.section import Section
from higan_cam.errors import unknown_name

PLAIN_WORDS = ("attribute", "level", "scene", "subject")
"""Placeholders of any template."""
PLACE_WORDS = ("position", "positions")
"""Placeholders that need a region: where the most important one is, and where all of them are."""
PLACES = 9
"""Ninths of a picture."""


class CaptionConfig(Section):
    """The words of every sample; templates may hold the placeholders named below in braces.

    The defaults are what is said of the embedded rooms. Fields that are not set become what is known of the generator
    (`words.known_words`), and neutral words where nothing is.
    """

    scene: str = "bedroom"
    """What every picture shows; {scene}. Not set: what the generator is known to draw (`rooms` and the weights that
    `higan-cam weights list` names), else `picture`. With an unknown generator every other word and template that is not
    set is neutral as well, and says nothing of lamps."""
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
            wanted, given = len(getattr(self, there)), len(getattr(self, back))
            if wanted != given:
                raise ValueError(f"{back} must have one entry for each of {there}: {given} for {wanted}")
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
