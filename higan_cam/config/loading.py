"""From YAML plus `--set section.field=value` to one configuration; every mistake names its field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from higan_cam.config.fields import as_fields, field_at, sections_at, takes_text
from higan_cam.config.run import RunConfig
from higan_cam.config.yaml_text import ends_in_comment, read_yaml
from higan_cam.errors import ConfigError, unknown_name

PROFILES = ("default", "seed")
_SEED_PROFILE: dict[str, Any] = {
    "attribution": {"name": "activation_difference", "layers": "6-11"},
    "edit": {"distance": 3.0, "layers": "6-11"},
    "boundary": {"method": "svm", "C": 1.0},
    "regions": {"eps": 4.0, "min_samples": 40, "threshold": 0.5, "top": 3, "style": "ellipse"},
}
"""The settings published with HiGAN_CAM."""
_PACKAGE = Path(__file__).resolve().parents[1]
_EXAMPLES = (_PACKAGE / "data/configs", _PACKAGE.parent / "data/configs")
"""In an installed wheel, and in a checkout."""
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""", re.S)
_KIND = re.compile(r"(constrained-)?(float|int)$|literal\[")
"""What pydantic puts behind the name of a field that takes values of several kinds."""
Files = str | Path | Iterable[str | Path] | None
"""One YAML file, or several of which a later one is said over those before; a bare name is an example's."""


def load_config(
    path: Files = None,
    overrides: Iterable[str] = (),
    profile: str = "default",
    *,
    output: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> RunConfig:
    """The effective configuration: profile, the YAML files in order, a command's `arguments`, `section.field=value`
    overrides, then `output`.

    Args:
        path: a YAML file or several, or names of the examples that are part of the package.
        overrides: as `--set` takes them. Fields of text take the text as typed; quotes around all of it are YAML's.
        profile: `default` or `seed`.
        output: as `--output` takes it, character for character.
        arguments: {section: {field: value}}, texts of them character for character, whatever YAML would make of them.

    Raises:
        ConfigError: naming the field, the value found, what was expected, and the nearest known name.
    """
    if profile not in PROFILES:
        raise unknown_name("profile", profile, PROFILES)
    values = merged(merged(_SEED_PROFILE if profile == "seed" else {}, read_fields(path)), arguments or {})
    for override in overrides:
        values = merged(values, _parse_override(override))
    return parse_config(values if output is None else {**values, "output": output})


def config_file(name: str | Path) -> Path:
    """The file that `--config NAME` means: a real one of that name, else the example of that name.

    Raises:
        ConfigError: a bare name that is neither, with the nearest example.
    """
    path = Path(name)
    if path.is_file() or len(path.parts) != 1 or path.suffix:
        return path
    examples = {each.stem: each for place in _EXAMPLES for each in sorted(place.glob("*.yaml"))}
    if str(path) not in examples:
        raise unknown_name("--config", str(path), examples)
    return examples[str(path)]


def read_fields(path: Files) -> dict[str, Any]:
    """What YAML files say, a later one over those before, as {section: {field: value}}; nothing is checked yet.

    Raises:
        ConfigError: a file that cannot be read, or is no mapping of sections.
    """
    values: dict[str, Any] = {}
    for each in [] if path is None else [path] if isinstance(path, str | Path) else path:
        values = merged(values, _read_file(config_file(each)))
    return values


def parse_config(values: Mapping[str, Any]) -> RunConfig:
    """A nested mapping -> `RunConfig`; every problem becomes one line of a single `ConfigError`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(item) for item in error.errors())) from error


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(path.read_text(encoding="utf-8"), f"config file {path}")
    except OSError as error:
        raise ConfigError(f"config file {path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"config file {path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"config file {path}: expected a mapping of sections, got {type(values).__name__}")
    return dict(as_fields(values))


def _parse_override(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--set expects section.field=value, got {text!r}")
    path = name.strip().split(".")
    annotation = field_at(path)
    nested = _text_value(name, value) if takes_text(annotation) else as_fields(_yaml_value(name, value), annotation)
    for part in reversed(path):
        nested = {part: nested}
    return dict(nested)


def _text_value(name: str, value: str) -> Any:
    """Text as typed, but for null (or nothing), a list (which the field refuses) and quotes around all of it."""
    bare = value.strip()
    if bare in ("", "~", "null", "Null", "NULL") or _QUOTED.fullmatch(bare) or (bare[0], bare[-1]) == ("[", "]"):
        return as_fields(_yaml_value(name, value), str)
    if re.search(r"(^|\s)#", value):
        raise _cut(name, value)
    return bare


def _yaml_value(name: str, value: str) -> Any:
    try:
        read = read_yaml(value, f"--set {name}: {value!r}")
    except ConfigError as error:
        raise ConfigError(str(error).replace("not valid YAML", "not a YAML value")) from error
    if ends_in_comment(value):
        raise _cut(name, value)
    return read


def _cut(name: str, value: str) -> ConfigError:
    quoted = value.strip().replace("'", "''")
    return ConfigError(
        f"--set {name}: {value!r}; to YAML a # after a space begins a comment: remove it, or quote all of it within "
        f"the quotes of the shell, as in \"{name}='{quoted}'\""
    )


def merged(base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings as one; `update` is said last."""
    result = dict(base)
    for key, value in update.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def _explain(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"] if not _KIND.match(str(part)))
    if item["type"] == "extra_forbidden":
        section = sections_at([str(part) for part in item["loc"][:-1]])
        return f"config: {unknown_name(name, str(item['loc'][-1]), section)}"
    message = item["msg"].removeprefix("Value error, ")
    got = "" if isinstance(item["input"], (dict, BaseModel)) else f", got {item['input']!r}"
    return f"{name or 'config'}: {message}{got}"
