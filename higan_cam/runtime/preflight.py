"""What is wrong before a run, and which files it depends on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from higan_cam.config import RunConfig, parse_layers
from higan_cam.config.attributes import SIBLING
from higan_cam.config.stages import AUTO
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.label import final_range, lacks_labels, make_scorer, needs_quartiles, scorer_files
from higan_cam.label.properties.formulas import FORMULAS
from higan_cam.manipulate import (
    METHODS,
    checked_targets,
    edit_direction,
    load_boundary,
)
from higan_cam.mask import ATTRIBUTIONS
from higan_cam.mask.attribution import SEES
from higan_cam.pictures import check_pictures
from higan_cam.pipeline import Models, attribution_for, edit_for, label_unit, load_models, why_unlabelled
from higan_cam.pipeline.inverting import check_inversion, encoder_name
from higan_cam.pipeline.photos import student_name, student_of
from higan_cam.pipeline.relit import check_relit
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.cluster.reach import check_reachable
from higan_cam.store import open_store
from higan_cam.types import Boundary, WorkUnit
from higan_cam.weights.embedded import (
    EMBEDDED_ENCODERS,
    EMBEDDED_GENERATORS,
    EMBEDDED_SCORERS,
    EMBEDDED_SEGMENTERS,
    EMBEDDED_STUDENTS,
    check_world,
)
from higan_cam.weights.files import sha256_of
from higan_cam.weights.zoo import path_of, weights_file

LOOK, LOOKED_AT = 8, 128
"""Latents that are looked at together, and at most, for one with a score."""


@dataclass(frozen=True)
class Ready:
    """What a run begins with.

    Attributes:
        models: its networks, on the CPU.
        digests: {role: sha256} of every weights file that it uses.
    """

    models: Models
    digests: dict[str, str]


def preflight(config: RunConfig, head: Head | None = None) -> Ready:
    """Load the networks and find every mistake that needs them or the cluster, before anything is written or started.

    Args:
        head: a local Ray that is coming up for this run; without one, the cluster that the run is to join is asked.

    Raises:
        ConfigError, WeightsError, DataError: what is wrong with the configuration, or with a file that it names.
    """
    check_relit(config)
    models = load_models(config)
    check_models(models, config)
    check_labels(models, config)
    if head is None:
        check_reachable(config.runtime)
    return Ready(models, weights_digests(config))


def condition_files(config: RunConfig) -> dict[int, Path]:
    """{number: file} of the conditions that are files, not other attributes of the run."""
    named = enumerate(config.boundary.conditions)
    return {number: path_of(name) for number, name in named if not name.startswith(SIBLING)}


def weights_digests(config: RunConfig) -> dict[str, str]:
    """{role: sha256} of every weights file that the run uses."""
    files = {"generator": weights_file(config.generator.weights, EMBEDDED_GENERATORS)}
    for role, scorer in (("scorer", config.scorer), ("mask.second_scorer", config.judge)):
        if scorer is not None:
            files |= {file_role(role, field): path for field, path in scorer_files(scorer).items()}
    if config.boundary.weights is not None:
        files["boundary"] = path_of(config.boundary.weights)
    if "student" in attributions(config):
        files["attribution"] = weights_file(config.attribution.weights or "rooms", EMBEDDED_STUDENTS)
    if config.source.kind == "pictures":
        known = {"invert.encoder": (encoder_name(config), EMBEDDED_ENCODERS)}
        known["student"] = student_name(config), EMBEDDED_STUDENTS
        files |= {role: weights_file(name, table) for role, (name, table) in known.items() if name is not None}
        files |= {f"invert.networks.{name}": path_of(file) for name, file in config.invert.networks.items()}
    files |= {f"boundary.conditions.{number}": file for number, file in condition_files(config).items()}
    return {role: sha256_of(path) for role, path in files.items()}


def attributions(config: RunConfig) -> tuple[str, ...]:
    """The methods that the run may take its heat from: the one that is named, or all candidates.

    ConfigError: a candidate of an unknown name.
    """
    if config.attribution.name != AUTO:
        return (config.attribution.name,)
    for name in config.attribution.candidates:
        if name not in ATTRIBUTIONS:
            raise unknown_name("attribution.candidates", name, ATTRIBUTIONS)
    return config.attribution.candidates


def file_role(role: str, field: str) -> str:
    """What run.json calls a file of a network: its weights by the role alone."""
    return role if field == "weights" else f"{role}.{field}"


def check_models(models: Models, config: RunConfig) -> None:
    """Find configuration mistakes that need the networks before anything is written or started."""
    if config.boundary.method not in METHODS:
        raise unknown_name("boundary.method", config.boundary.method, METHODS)
    _check_worlds(config)
    _check_property(config)
    rows = tuple(range(models.generator.num_layers))
    normal = np.eye(1, models.generator.w_dim, dtype=np.float32)[0]
    dummy = Boundary(normal, 0.0, "w", rows, config.attribute)
    boundary = dummy if config.boundary.weights is None else load_boundary(config.boundary.weights)
    needs_quartiles(config.scorer, models.scorer)
    _check_judge(config)
    edit = edit_for(models, config, boundary)
    codes = torch.zeros(1, models.generator.num_layers, models.generator.w_dim)
    for each in (boundary, *(load_boundary(file) for file in condition_files(config).values())):
        edit_direction(each, edit, codes)
    if config.boundary.layers != "measured":
        parse_layers(config.boundary.layers, models.generator.num_layers, rows, "boundary.layers")
    if config.edit.targets is not None:
        checked_targets(config.edit.targets, final_range(config.scorer, models.scorer))
    for name in attributions(config):  # the student of a refined run is trained later
        attribution_for(models, config.unrefined.with_attribution(name), edit)
        _check_slope(models, config, name)
    if config.source.kind == "pictures":
        output = open_store(config.output, config.store)
        check_pictures(output, str(config.source.pictures), config.store, config.source.column)
        check_inversion(models, config)
        student_of(config)


def _check_worlds(config: RunConfig) -> None:
    """ConfigError: an embedded network is to look at the pictures of an embedded generator of another world."""
    tables = {"lighting": EMBEDDED_SCORERS, "property": EMBEDDED_SEGMENTERS}
    scorers = {"scorer": config.scorer, "mask.second_scorer": config.judge}
    looking = {
        section: tables.get(scorer.name, {}).get(scorer.weights)
        for section, scorer in scorers.items()
        if scorer is not None
    }
    if "student" in attributions(config):
        looking["attribution"] = EMBEDDED_STUDENTS.get(config.attribution.weights or "rooms")
    for section, network in looking.items():
        check_world(network, config.generator.weights, f"{section}.weights", f"name another {section}")


def _check_property(config: RunConfig) -> None:
    """ConfigError: one property is scored, and captions would speak of another."""
    scorer = config.scorer
    named = any(config.attribute in properties for properties in FORMULAS.values())
    if scorer.name == "property" and named and config.attribute != scorer.target:
        raise ConfigError(
            f"attribute: {config.attribute!r} is another property than scorer.target, {scorer.target!r}, and captions "
            f"would speak of it; add --set attribute={scorer.target}"
        )


def _check_slope(models: Models, config: RunConfig, attribution: str) -> None:
    """ConfigError: the method maps how the score answers to the picture, and the scorer has no gradient."""
    if SEES[attribution] != "score":
        return
    side = models.generator.resolution
    with torch.enable_grad():
        score = models.scorer.score(torch.zeros(1, 3, side, side, requires_grad=True))
    if not score.requires_grad:
        raise ConfigError(
            f"attribution.name: {attribution} needs a scorer with a gradient, and {config.scorer.describe()} has none; "
            "choose a method that looks at pictures, such as colour_change"
        )


def check_labels(models: Models, config: RunConfig) -> None:
    """ConfigError: none of the run's first latents has a score, by a scorer that may have none for a picture.

    One picture with a score is enough, so that in most runs only the first few are looked at.
    """
    scorer = lacks_labels(config.scorer, models.scorer)
    if scorer is None:
        return
    for start in range(0, LOOKED_AT, LOOK):
        _, scores = label_unit(models, config, WorkUnit(0, start, start + LOOK))
        if np.isfinite(scores).any():
            return
    reasons = Counter(reason for reason in why_unlabelled(models, config, range(LOOK)) if reason)
    why = "".join(f", because of {reason}" for reason in reasons)
    raise ConfigError(
        f"scorer: {scorer} has no score for any of the first {LOOKED_AT} latents{why}; name a scorer, or weights of "
        f"it, that knows what generator.weights {config.generator.weights!r} draws"
    )


def _check_judge(config: RunConfig) -> None:
    """Build the second scorer once. ConfigError: a scale of its own, which shares of a change do not depend on."""
    if config.judge is None:
        return
    if config.judge.scale is not None:
        raise ConfigError(
            f"mask.second_scorer.scale: {config.judge.scale}, but it only judges shares of a change; leave it null"
        )
    try:
        make_scorer(config.judge)
    except ConfigError as error:
        raise ConfigError(f"mask.second_scorer: {error}") from error
