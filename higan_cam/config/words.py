"""The words that a generator brings: what its pictures show is known by its name, or not at all."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from higan_cam.config.captions import CaptionConfig

LIT_WORLD = "rooms"
"""The embedded generator: the defaults of `CaptionConfig` are its words, whatever the attribute."""
LIGHTING = "indoor_lighting"
_FACE = "face"
_FAMILIES = ("stylegan", "stylegan2", "pggan", "dcgan")
_INDOORS = {
    "bedroom": "bedroom",
    "livingroom": "living room",
    "diningroom": "dining room",
    "kitchen": "kitchen",
    "apartment": "apartment",
    "restaurant": "restaurant",
    "classroom": "classroom",
    "conferenceroom": "conference room",
}
_ELSEWHERE = {
    "churchoutdoor": "church",
    "church": "church",
    "tower": "tower",
    "bridge": "bridge",
    "cat": "cat",
    "horse": "horse",
    "ffhq": _FACE,
    "celebahq": _FACE,
    "digiface": _FACE,
}
_EMBEDDED = {LIT_WORLD: "bedroom", "faces": _FACE}
_NEUTRAL: dict[str, Any] = {
    "scene": "picture",
    "subject": "area",
    "levels": ("very weak", "weak", "strong", "very strong"),
    "positions": (
        *("in the upper left", "at the top", "in the upper right"),
        *("on the left", "in the center", "on the right"),
        *("in the lower left", "at the bottom", "in the lower right"),
    ),
    "templates": (
        "a {scene} with {level} {attribute} {position}",
        "a {scene} showing {level} {attribute} {position}",
        "a {scene} with {level} {attribute} {positions}",
    ),
    "plain_templates": ("a {scene} with {level} {attribute}", "a {scene} showing {level} {attribute}"),
    "edit_templates": (
        "make the {attribute} stronger {position}",
        "strengthen the {attribute} {position}",
        "more {attribute} {positions}",
    ),
    "undo_templates": (
        "make the {attribute} weaker {position}",
        "weaken the {attribute} {position}",
        "less {attribute} {positions}",
    ),
    "plain_edit_templates": ("make the {attribute} stronger", "more {attribute}"),
    "plain_undo_templates": ("make the {attribute} weaker", "less {attribute}"),
}
_OF_A_SUBJECT: dict[str, Any] = {
    "templates": (
        "a {scene} with a {level} {subject} {position}",
        "a {scene} with {level} {attribute}, a {subject} {position}",
        "a {scene} with {level} {attribute} {positions}",
    ),
    "edit_templates": (
        "make the {attribute} of the {subject} {position} stronger",
        "strengthen the {attribute} of the {subject} {position}",
        "more {attribute} {positions}",
    ),
    "undo_templates": (
        "make the {attribute} of the {subject} {position} weaker",
        "weaken the {attribute} of the {subject} {position}",
        "less {attribute} {positions}",
    ),
}
"""Where the configuration names what regions show, and no templates."""


def _of_a_part(shown: str, levels: str, edit: str, undo: str) -> dict[str, Any]:
    """Words where the attribute itself says where it is: a mouth is no lamp, of which there are others elsewhere."""
    both = (f"a {{scene}} {shown}", f"a picture of a {{scene}} {shown}")
    return {
        "levels": tuple(levels.split(", ")),
        "templates": both,
        "plain_templates": both,
        "edit_templates": (edit, f"{edit} in this {{scene}}", f"{edit} and leave the rest as it is"),
        "undo_templates": (undo, f"{undo} in this {{scene}}", f"{undo} and leave the rest as it is"),
        "plain_edit_templates": (edit, f"{edit} in this {{scene}}"),
        "plain_undo_templates": (undo, f"{undo} in this {{scene}}"),
    }


_TURNS = "to the left, a little to the left, a little to the right, to the right"
_OF_A_FACE: dict[str, dict[str, Any]] = {
    "eyes": _of_a_part("with {level} eyes", "closed, half-closed, open, wide open", "open the eyes", "close the eyes"),
    "mouth": _of_a_part(
        "with a {level} mouth", "closed, slightly open, open, wide open", "open the mouth", "close the mouth"
    ),
    "hair_color": _of_a_part("with {level} hair", "black, dark, light, fair", "lighten the hair", "darken the hair"),
    "hair_length": _of_a_part(
        "with {level} hair", "very short, short, long, very long", "lengthen the hair", "shorten the hair"
    ),
    "yaw": _of_a_part("turned {level}", _TURNS, "turn the head to the right", "turn the head to the left"),
}
"""Properties of faces, where a generator is known to draw them."""


def scene_of(weights: str) -> str | None:
    """What the pictures of a generator show, by its name (embedded, or of the zoo); None where that is not known."""
    if weights in _EMBEDDED:
        return _EMBEDDED[weights]
    family, _, trained_on = weights.partition("_")
    return (_INDOORS | _ELSEWHERE).get(trained_on) if family in _FAMILIES else None


def known_words(weights: str, attribute: str, said: Collection[str] = ()) -> dict[str, Any]:
    """{field of `CaptionConfig`: value} for what the configuration does not say itself.

    Nothing is said of lamps but where rooms are lit: for the embedded rooms, and for the lighting of a generator of
    interiors. Properties of faces have words of their own for generators of faces. All else is spoken of neutrally, by
    the scene that is known or as a picture.

    Args:
        weights: the generator, as `generator.weights` calls it.
        attribute: of the run.
        said: fields that the configuration says; `subject` among them is used by the neutral templates as well.
    """
    words = {name: field.get_default(call_default_factory=True) for name, field in CaptionConfig.model_fields.items()}
    lit = weights == LIT_WORLD or (scene_of(weights) in _INDOORS.values() and attribute == LIGHTING)
    if not lit:
        of_a_part = _OF_A_FACE.get(attribute, {}) if scene_of(weights) == _FACE else {}
        words |= _NEUTRAL | (_OF_A_SUBJECT if "subject" in said else of_a_part)
    return words | {"scene": scene_of(weights) or _NEUTRAL["scene"]}


def spoken(captions: CaptionConfig, weights: str, attribute: str) -> CaptionConfig:
    """The words as they are used: those that the configuration says, the others as they are known."""
    said = captions.model_fields_set
    known = known_words(weights, attribute, said)
    return captions.model_copy(update={name: value for name, value in known.items() if name not in said})


def own_words(captions: CaptionConfig, weights: str, attribute: str) -> dict[str, Any]:
    """{field: value} of those words in use that do not follow from the generator and the attribute."""
    said = {"subject"} if captions.subject != _NEUTRAL["subject"] else set[str]()
    known = known_words(weights, attribute, said)
    return {name: value for name, value in captions if value != known[name]}
