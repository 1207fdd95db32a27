"""Whatever is written into a file or behind `--set`, only our own errors come out, and what is read reads back."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from higan_cam.config import RunConfig, config_hash, load_config, parse_config
from higan_cam.config.attributes import members
from higan_cam.errors import HiganCamError


def names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from names(field.annotation, f"{prefix}{name}.")


FIELDS = [*names(RunConfig), "mask.second_scorer.name", "scorer.arguments.gain", "attributes.warmth"]
FIELDS += [f"attributes.warmth.{name}" for name in names(RunConfig)]
AWKWARD = [
    "null",
    "~",
    "no",
    "off",
    "on",
    "Yes",
    "TRUE",
    "010",
    "0x1f",
    "0b1",
    "1_000",
    "1:30",
    "190:20:30.5",
    "2026-11-29",
    "2026-13-45",
    "1e3",
    "1e999",
    ".inf",
    "-.inf",
    ".nan",
    "-0",
    "00",
    "08",
    "+1",
    "1.",
    ".",
    "-",
    "=",
    "<<",
    "*",
    "&",
    "!",
    "%",
    "@",
    "`",
    "'",
    '"',
    "#",
    "auto",
    "all",
    "6-11",
    "0-4,8",
    "11-6",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "[no,[1,{a:b}]]",
    "{a:1,a:2}",
    "!!binary",
    "!!int",
    "!!python/object:os.x",
    "&a[*a]",
    "rooms",
    "svm",
    "http://[",
    "http://h:x",
    "{scene",
    "{}",
    "{0}",
    "{scene.x}",
    "{{",
    "}}",
    "\x00",
    "\ufeff",
    "é",
]
WORDS = st.sampled_from([*AWKWARD, "9" * 5000, "[" * 2000, "runs/x #1", "a: b", "{scene} {", "\ud800"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.sampled_from(FIELDS), inner),
    max_leaves=5,
)


def check(config: RunConfig) -> None:
    """It is a configuration: printed, it reads back as the same one."""
    printed = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.yaml")
        path.write_text(printed, encoding="utf-8")
        again = load_config(path)
    assert again == config
    assert config_hash(again) == config_hash(config)


def attempt(*arguments: Any) -> None:
    with contextlib.suppress(HiganCamError):
        config = load_config(*arguments)
        members(config)
        check(config)


@given(st.sampled_from(FIELDS), WORDS | st.text(max_size=12))
@example("runtime.gpus_per_worker", "1.5")
@example("store.endpoint_url", "http://[")
def test_any_value_of_any_field_is_one_or_our_error(field: str, text: str) -> None:
    attempt(None, [f"{field}={text}"])


@given(st.lists(st.text(max_size=20) | st.builds("{}={}".format, st.text(max_size=9), WORDS), max_size=3))
def test_any_settings_are_some_or_our_error(settings: list[str]) -> None:
    attempt(None, settings)


@given(st.sampled_from(FIELDS), VALUES)
def test_any_nested_value_is_one_or_our_error(field: str, value: Any) -> None:
    nested = value
    for part in reversed(field.split(".")):
        nested = {part: nested}
    with contextlib.suppress(HiganCamError):
        members(parse_config(nested))


LINES = st.builds(
    "{}{}: {}".format,
    st.sampled_from(["", "  ", "    ", "- "]),
    st.sampled_from([*FIELDS, *AWKWARD]),
    WORDS | st.text(),
)


@given(st.lists(LINES | st.text(max_size=10), max_size=6).map("\n".join))
@example("attributes: {a: {edit: {distance: 1.0}, scorer: {name: warmth, target: 5}}}")
def test_any_file_is_a_configuration_or_our_error(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.yaml")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        attempt(path)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_configuration_or_our_error(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.yaml")
        path.write_bytes(body)
        attempt(path)


@given(VALUES.filter(lambda value: not isinstance(value, bool)))
def test_a_boolean_never_becomes_a_number(value: Any) -> None:
    """Beside any other value, in any order."""
    for pair in ([value, True], [False, value]):
        with pytest.raises(HiganCamError):
            parse_config({"edit": {"targets": pair}})
