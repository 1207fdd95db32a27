"""What every section of the configuration has in common."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

_SWITCHES = ("yes", "no", "on", "off", "true", "false")
_OTHER_BASES = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-9]+)+(\.[0-9_]*)?)")
"""010, which YAML 1.1 reads as 8, and 1:30, which it reads as 90."""


class Section(BaseModel):
    """Frozen, closed to unknown fields, documented below each field; a boolean is never one of its numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        accepted = set(kinds(cls.model_fields[str(info.field_name)].annotation))
        if accepted & {int, float, tuple[float, float]} and str not in accepted:
            for each in value if isinstance(value, list | tuple) else [value]:
                _check_number(each, switched_off_by_null=NoneType in accepted)
        elif NoneType in accepted and _is_switch(value) and any(_is_section(each) for each in accepted):
            raise ValueError("must be a section; null switches it off")
        return value


def kinds(annotation: Any) -> Iterator[Any]:
    """What a union is of, `Annotated` taken off, literals left out."""
    if get_origin(annotation) in (Union, UnionType):
        for each in get_args(annotation):
            yield from kinds(each)
    elif get_origin(annotation) is Annotated:
        yield from kinds(get_args(annotation)[0])
    elif get_origin(annotation) is not Literal:
        yield annotation


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _is_switch(value: Any) -> bool:
    """A boolean, or what YAML 1.1 reads as one."""
    return isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _SWITCHES)


def _check_number(value: Any, *, switched_off_by_null: bool) -> None:
    """ValueError: a boolean, or digits that YAML 1.1 and a reader count differently."""
    if _is_switch(value):
        fix = "null switches it off" if switched_off_by_null else "and null, which switches others off, is none here"
        raise ValueError(f"must be a number, which a boolean (yes, no, on, off, true, false) never is; {fix}")
    if isinstance(value, str) and _OTHER_BASES.fullmatch(value.strip()):
        raise ValueError("must be a decimal number: no zeros before it and no colons, which YAML may read otherwise")
