"""From YAML plus `--set section.field=value` to one configuration; every mistake names its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from higan_cam.config.run import RunConfig
from higan_cam.errors import ConfigError, unknown_name

PROFILES = ("default", "seed")
_SEED_PROFILE: dict[str, Any] = {
    "attribution": {"name": "activation_difference", "layers": "6-11"},
    "edit": {"distance": 3.0, "layers": "6-11"},
    "boundary": {"method": "svm", "C": 1.0},
    "regions": {"eps": 4.0, "min_samples": 40, "threshold": 0.5, "top": 3, "style": "ellipse"},
}
"""The settings published with HiGAN_CAM."""


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
