"""A run of several attributes: the configuration of each, which is that of an ordinary run.

    attributes:
      indoor_lighting: {}
      warmth:
        scorer: {name: warmth, scale: quartiles}
        publish: {captions: {subject: window, levels: [cold, cool, warm, hot]}}

An attribute's `boundary.conditions` may name others of the list, whose boundaries are projected out of its own.
Each becomes a run of its own in `<output>/<name>`, complete and readable by itself; only images are shared, while they
are labelled.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

from higan_cam.config.loading import merged, parse_config
from higan_cam.config.run import RunConfig
from higan_cam.config.words import own_words
from higan_cam.errors import ConfigError, unknown_name

SECTIONS = ("attribution", "boundary", "edit", "mask", "publish", "regions", "scorer")
"""What an attribute may have of its own. Generator, seed and labels are those of all, or no image could be shared."""
RESERVED = ("report", "stats")
"""Folders beside those of the attributes."""
SIBLING = "attribute:"
"""Before the name of another attribute of the same run, in `boundary.conditions` of a member."""


def members(config: RunConfig) -> dict[str, RunConfig]:
    """{attribute: configuration of its run}, each after those that it depends on.

    Of the one attribute, where the run does not list several.

    Raises:
        ConfigError: naming `attributes.<name>.<field>` and what is wrong with it.
    """
    if not config.attributes:
        check_conditions(config)
        return {config.attribute: config}
    configs = {name: _member(config, name, own) for name, own in config.attributes.items()}
    needs = {name: siblings(each) for name, each in configs.items()}
    try:
        return {name: configs[name] for name in TopologicalSorter(needs).static_order()}
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ConfigError(f"attributes: boundary.conditions go round in a circle ({circle}); leave one out") from error


def siblings(config: RunConfig) -> tuple[str, ...]:
    """Attributes of the same run whose boundaries a member's is conditioned on."""
    return tuple(name.removeprefix(SIBLING) for name in config.boundary.conditions if name.startswith(SIBLING))


def check_conditions(config: RunConfig, prefix: str = "") -> None:
    """ConfigError: the user wrote the prefix that stands for another attribute of the same run."""
    for each in config.boundary.conditions:
        if each.startswith(SIBLING):
            raise ConfigError(
                f"{prefix}boundary.conditions: {each!r}; write a file, or the bare name of an attribute of the same run"
            )


def _member(config: RunConfig, name: str, own: dict[str, Any]) -> RunConfig:
    for section in own:
        if section not in SECTIONS:
            raise unknown_name(f"attributes.{name}", section, SECTIONS)
    if name in RESERVED:
        raise ConfigError(f"attributes.{name}: {' and '.join(RESERVED)} are folders of the run; choose another name")
    whole = config.model_dump(exclude={"attributes"})
    # The other words follow from the attribute, which is another one here.
    whole["publish"]["captions"] = own_words(config.publish.captions, config.generator.weights, config.attribute)
    place = {"attribute": name, "output": f"{config.output.rstrip('/')}/{name}"}
    try:
        member = parse_config(merged(whole, {**own, **place}))
    except ConfigError as error:
        lines = "\n".join(f"attributes.{name}.{line}" for line in str(error).splitlines())
        raise ConfigError(lines) from error
    check_conditions(member, f"attributes.{name}.")
    conditions = tuple(SIBLING + each if each in config.attributes else each for each in member.boundary.conditions)
    return member.model_copy(update={"boundary": member.boundary.model_copy(update={"conditions": conditions})})
