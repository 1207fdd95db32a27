"""YAML as text: what was written is kept, and nothing is said twice.

YAML 1.1, which PyYAML reads, turns `no`, `on`, `010`, `1:30` and `2026-11-29` into a boolean, a number or a date before
anybody asks what the field is for. Here a value without quotes stays the text that it is (`Plain`), and
`higan_cam.config.fields` gives it the type of its field.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import yaml

from higan_cam.errors import ConfigError

MOST_VALUES = 100_000
"""Values of a file, aliases written out: a small file may otherwise stand for billions."""
_CORE = "tag:yaml.org,2002:"


class Plain(str):
    """A value without quotes, as written."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """Mappings, lists, null and text; keys are text as well, each said once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ARG002 - PyYAML's
        _check_said_once(node)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Text that knows whether it had quotes."""
        return str(node.value) if node.style else Plain(node.value)


_SAFE = yaml.SafeLoader
_Loader.yaml_implicit_resolvers = {}  # not those of YAML 1.1
_Loader.add_implicit_resolver(f"{_CORE}null", _SAFE.yaml_implicit_resolvers["~"][0][1], ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_CORE}merge", _SAFE.yaml_implicit_resolvers["<"][0][1], ["<"])
_Loader.yaml_constructors = {
    f"{_CORE}null": _Loader.construct_yaml_null,
    f"{_CORE}map": _Loader.construct_yaml_map,
    f"{_CORE}seq": _Loader.construct_yaml_seq,
    # With its tag written out, the field decides all the same.
    **{f"{_CORE}{name}": _Loader.construct_text for name in ("str", "int", "float", "bool", "merge")},
    None: _Loader.construct_undefined,
}


def read_yaml(text: str, name: str) -> Any:
    """Nested dicts and lists of None, `Plain` and (where there were quotes) str; keys are str.

    Args:
        text: one YAML document.
        name: what errors call it, such as `config file run.yaml`.

    Raises:
        ConfigError: not YAML, a key that is said twice in one mapping, a key that is no text, nested without end.
    """
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return loader.construct_document(node)
    except _RefusedError as error:
        raise ConfigError(f"{name}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply, or an alias within its own anchor; write it out") from error
    finally:
        if loader is not None:
            loader.dispose()


class _RefusedError(Exception):
    """YAML, but not a configuration."""


def _check_said_once(node: yaml.MappingNode) -> None:
    """Keys as written, before those that `<<` brings in, which may be said again."""
    seen: dict[str, yaml.Mark] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _RefusedError(f"line {line}: a list or mapping cannot name a field")
        if key.value in seen:
            first = seen[key.value].line + 1
            raise _RefusedError(
                f"{key.value!r} is there twice, on line {first} and on line {line}; only one would count: "
                "put what both say under one, or remove one"
            )
        seen[key.value] = key.start_mark


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """Values below a node with aliases written out; a node within itself ends in a RecursionError."""
    if id(node) not in known:
        count = 1 + sum(_count(each, known) for each in _below(node))
        if count > MOST_VALUES:
            raise _RefusedError(f"more than {MOST_VALUES:,} values, aliases written out; write fewer")
        known[id(node)] = count
    return known[id(node)]


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def ends_in_comment(text: str) -> bool:
    """Whether a value that `read_yaml` takes goes on with a comment, or is nothing else."""
    said = [token.end_mark.index for token in yaml.scan(text) if token.end_mark.index > token.start_mark.index]
    return len(text.rstrip()) > max(said, default=0)
