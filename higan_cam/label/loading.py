"""Scorers by name, and the files that each reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, WeightsError, unknown_name
from higan_cam.label.clip import clip_scorer
from higan_cam.label.custom import custom_scorer, source_file
from higan_cam.label.labelled.scorer import labelled_scorer
from higan_cam.label.lighting import LightingScorer
from higan_cam.label.places365 import matrix_path, scene_scorer
from higan_cam.label.properties.scorer import property_beside, property_scorer
from higan_cam.label.segmenters.loading import segmenter_files
from higan_cam.label.statistics import STATISTICS, statistic_scorer
from higan_cam.label.torchvision_classifier import torchvision_scorer
from higan_cam.types import Scorer
from higan_cam.weights.embedded import EMBEDDED_SCORERS, embedded_path
from higan_cam.weights.files import load_tensors
from higan_cam.weights.paths import with_network
from higan_cam.weights.state_dicts import fill
from higan_cam.weights.zoo import path_of, resolve

ALWAYS = ("name", "weights", "scale")


@dataclass(frozen=True)
class ScorerKind:
    """How a scorer is made, and which fields of `ScorerConfig` it has a use for.

    Attributes:
        make: the configuration -> the scorer, in eval mode, parameters frozen.
        needs: fields that must be set.
        takes: fields that may be.
        weights: whether `weights` names a file that the network is read from.
        beside: makes it of one of other scorers that looks with the same network; None where none of them does.
    """

    make: Callable[[ScorerConfig], Scorer]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    weights: bool = True
    beside: Callable[[ScorerConfig, Sequence[Scorer]], Scorer | None] | None = None


def load_scorer(name: str = "lighting", weights: str | Path = "rooms", **settings: Any) -> Scorer:
    """A scorer ready for inference, on its own scale: eval mode, parameters frozen.

    Args:
        name: which scorer (see `SCORERS`).
        weights: `rooms` for the embedded file, or a path; statistics of the picture have none and do not look.
        settings: other fields of `ScorerConfig`.

    Raises:
        ConfigError: for an unknown name, or settings that do not go with it.
        WeightsError: for a missing file, or keys and shapes that do not fit.
    """
    return make_scorer(ScorerConfig(name=name, weights=str(weights), **settings))


def make_scorer(config: ScorerConfig, beside: Sequence[Scorer] = ()) -> Scorer:
    """The scorer that the configuration describes, on its own scale (`scale.calibrated` gives it another).

    Args:
        beside: scorers that are there already, on their own scales: what it looks with is shared with one of them, so
            that `score_by_all` need look once for both.

    Raises:
        ConfigError, WeightsError: as `load_scorer`.
    """
    kind = checked_kind(config)
    if kind.beside is not None and (shared := kind.beside(config, beside)) is not None:
        return shared
    return kind.make(_with_path(config, resolve(config.weights)) if _named(config, kind) else config)


def make_scorers(configs: Iterable[ScorerConfig], beside: Sequence[Scorer] = ()) -> list[Scorer]:
    """`make_scorer` of each, in their order, each beside those that came before it.

    Raises:
        ConfigError, WeightsError: as `load_scorer`.
    """
    made: list[Scorer] = []
    for config in configs:
        made.append(make_scorer(config, [*beside, *made]))
    return made


def checked_kind(config: ScorerConfig) -> ScorerKind:
    """How this scorer is made. ConfigError: an unknown name, a field it lacks, or one that it has no use for."""
    if config.name not in SCORERS:
        raise unknown_name("scorer.name", config.name, SCORERS)
    kind = SCORERS[config.name]
    given = {name for name in ScorerConfig.model_fields if getattr(config, name) is not None}
    for name in kind.needs:
        if name not in given:
            raise ConfigError(f"scorer.{name}: {config.name} needs one; see `higan-cam config --explain`")
    for name in sorted(given - {*ALWAYS, *kind.needs, *kind.takes}):
        raise ConfigError(f"scorer.{name}: {config.name} has no use for it, got {getattr(config, name)!r}; remove it")
    if kind.weights and config.weights in EMBEDDED_SCORERS and kind is not SCORERS["lighting"]:
        raise ConfigError(
            f"scorer.weights: {config.weights!r} are those of lighting; name the file that {config.name} reads"
        )
    return kind


def scorer_files(config: ScorerConfig) -> dict[str, Path]:
    """{field: file} of everything that decides the scores: weights, an attribute matrix, the user's own module, and
    `detector.NAME` for what finds the face."""
    kind, files = checked_kind(config), {}
    if _named(config, kind):
        config = _with_path(config, path_of(config.weights))
    if kind.weights or (config.name == "custom" and config.weights not in EMBEDDED_SCORERS):
        files["weights"] = weights_path(config)
    if config.name == "property":
        files |= segmenter_files(config.weights)
    if config.name == "places365" and (matrix := matrix_path(config)) is not None:
        files["matrix"] = matrix
    if config.factory is not None:
        files["factory"] = source_file(config.factory)
    return files


def _named(config: ScorerConfig, kind: ScorerKind) -> bool:
    """Whether `weights` is a path or the name of a fetched checkpoint, not of an embedded file."""
    return kind.weights and config.weights not in EMBEDDED_SCORERS


def _with_path(config: ScorerConfig, path: Path) -> ScorerConfig:
    """With the path in place of a name; a network that is named behind it stays."""
    return config.model_copy(update={"weights": with_network(path, config.weights)})


def weights_path(config: ScorerConfig) -> Path:
    """The file that `weights` means: an embedded one, or a path."""
    embedded = EMBEDDED_SCORERS.get(config.weights)
    return embedded_path(embedded.file) if embedded is not None else path_of(config.weights)


def lighting_scorer(path: Path) -> LightingScorer:
    """The CORAL lighting scorer from a safetensors file whose metadata holds its constructor arguments."""
    tensors, metadata = load_tensors(path)
    try:
        settings = json.loads(metadata["settings"])
        width, input_size = int(settings["width"]), int(settings["input_size"])
        if width < 1 or input_size < 1:
            raise ValueError(f"width {width} and input_size {input_size} must be >= 1")
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: no usable 'settings' in its metadata ({error}); expected a file written by jobs/train_scorer.py"
        ) from error
    scorer = LightingScorer(width=width, input_size=input_size)
    fill(scorer, tensors, path)
    return scorer.for_inference()


SCORERS: dict[str, ScorerKind] = {
    "lighting": ScorerKind(lambda config: lighting_scorer(weights_path(config))),
    "places365": ScorerKind(scene_scorer, needs=("target",), takes=("arch", "matrix", "output")),
    "torchvision": ScorerKind(torchvision_scorer, needs=("arch", "target"), takes=("output",)),
    "clip": ScorerKind(clip_scorer, needs=("target", "against"), takes=("arch", "output")),
    "property": ScorerKind(
        property_scorer, needs=("target",), takes=("formula",), weights=False, beside=property_beside
    ),
    "labelled": ScorerKind(labelled_scorer, takes=("output",)),
    "custom": ScorerKind(custom_scorer, needs=("factory",), takes=("arguments",), weights=False),
    **{name: ScorerKind(partial(statistic_scorer, name), weights=False) for name in STATISTICS},
}
