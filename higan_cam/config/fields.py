"""What the fields of the configuration take, and what was written as a value of that kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel

from higan_cam.config.run import RunConfig
from higan_cam.config.section import kinds
from higan_cam.config.yaml_text import Plain

_NUMBER = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0b[01_]+|[0-9._]+([eE][-+]?[0-9]+)?|\.(inf|Inf|INF)|\.(nan|NaN|NAN))")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")


def field_at(path: Sequence[str]) -> Any:
    """The annotation of a field by its dotted name's parts; None where there is none."""
    annotation: Any = RunConfig
    for part in path:
        annotation = _below(annotation, part)
    return annotation


def sections_at(path: Sequence[str]) -> list[str]:
    """Names of the fields of the section of this dotted name; of none, of the nearest above it."""
    for end in range(len(path), -1, -1):
        for kind in kinds(field_at(path[:end])):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                return list(kind.model_fields)
    return []


def takes_text(annotation: Any) -> bool:
    """Whether a value of this field is text, whatever it looks like."""
    accepted = list(kinds(annotation))
    return str in accepted and bool not in accepted


def as_fields(value: Any, annotation: Any = RunConfig) -> Any:
    """What `read_yaml` gave, with every `Plain` as text, number or (in a scorer's `arguments` alone) boolean.

    What fits no field stays text, for the error to quote it as it was written.
    """
    if isinstance(value, Plain):
        if takes_text(annotation):
            return str(value)
        return _scalar(value) if bool in kinds(annotation) else _number(value)
    if isinstance(value, list):
        (item,) = {get_args(kind)[0] for kind in kinds(annotation) if get_origin(kind) is tuple} or {None}
        return [as_fields(each, item) for each in value]
    if isinstance(value, Mapping):
        return {key: as_fields(each, _below(annotation, key)) for key, each in value.items()}
    return value


def _below(annotation: Any, key: str) -> Any:
    """The annotation of `key` in a section or a mapping; None where there is none."""
    for kind in kinds(annotation):
        if kind is RunConfig and key == "attributes":
            return dict[str, RunConfig]  # Any to pydantic: a section of an attribute holds only what it changes
        if isinstance(kind, type) and issubclass(kind, BaseModel) and key in kind.model_fields:
            return kind.model_fields[key].annotation
        if get_origin(kind) is dict:
            return get_args(kind)[1]
    return None


def _number(text: Plain) -> int | float | str:
    """A decimal or hexadecimal number; text, where YAML 1.1 would count to another base than a reader does."""
    if not _NUMBER.fullmatch(text) or _LEADING_ZERO.fullmatch(text):
        return str(text)
    try:
        value = yaml.safe_load(text)
    except ValueError:  # such as more digits than Python reads
        return str(text)
    return value if isinstance(value, int | float) else str(text)


def _scalar(text: Plain) -> bool | int | float | str:
    """For fields that take anything, of which YAML's booleans are part."""
    word = text.lower()
    if word in ("yes", "on", "true", "no", "off", "false") and text in (word, word.title(), word.upper()):
        return word in ("yes", "on", "true")
    return _number(text)
