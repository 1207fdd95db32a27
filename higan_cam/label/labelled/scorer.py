"""An ensemble of classifiers with one temperature as a scorer, and the one file that it is kept in.

With the logit l_k of fold k and the temperature T (Guo et al. 2017, arXiv:1706.04599), the probability is the mean of
sigmoid(l_k / T) over the folds. The logit is that of the mean.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label.labelled.evidence import HeldOut
from higan_cam.label.labelled.networks import Classifier, make_classifier
from higan_cam.types import FloatArray
from higan_cam.weights.files import load_tensors, save_tensors
from higan_cam.weights.state_dicts import fill
from higan_cam.weights.zoo import path_of

_SHARED, _FOLD = "shared.", "folds.{}."
_LOGIT, _LABEL = "held_out.logit", "held_out.label"
MOST_FOLDS = 20


@dataclass(frozen=True, kw_only=True)
class LabellerFacts:
    """What a labeller's file says of it.

    Attributes:
        attribute: what label 1 means.
        backbone, side, width: as of `make_classifier`.
        folds: classifiers.
        temperature: that their logits are divided by.
    """

    attribute: str
    backbone: str
    side: int
    width: int
    folds: int
    temperature: float


class LabelledScorer(nn.Module):
    """Calibrated probability of a label, or its logit. Satisfies the `Scorer` protocol.

    Args:
        attribute: what label 1 means.
        classifiers: of the folds, in eval mode.
        temperature: that their logits are divided by.
        probability: whether scores are probabilities in [0,1], else their logits.
        held_out: what was held out.
    """

    def __init__(
        self,
        attribute: str,
        classifiers: Sequence[Classifier],
        temperature: float,
        *,
        probability: bool,
        held_out: HeldOut,
    ) -> None:
        super().__init__()
        self.attribute = attribute
        self.score_range = (0.0, 1.0) if probability else (-torch.inf, torch.inf)
        self.classifiers = nn.ModuleList(classifiers)
        self.temperature, self.probability, self.held_out = temperature, probability, held_out

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`."""
        members = [cast(Classifier, each) for each in self.classifiers]
        prepared = members[0].prepare(image)  # the same in all of them
        logits = torch.stack([member.network(prepared)[:, 0] for member in members])
        score = mean_logit(logits, self.temperature)
        return torch.sigmoid(score) if self.probability else score


def mean_logit(logits: Tensor, temperature: float) -> Tensor:
    """(K,N) logits of K classifiers -> (N,) logit of their mean probability, without leaving logarithms."""
    scaled = logits / temperature
    return torch.logsumexp(F.logsigmoid(scaled), 0) - torch.logsumexp(F.logsigmoid(-scaled), 0)


def save_labeller(
    path: Path, settings: LabellerFacts, states: Sequence[Mapping[str, Tensor]], held_out: tuple[Tensor, Tensor]
) -> None:
    """Write a labeller: what all folds have in common once, floats in 16 bits.

    Args:
        states: of the folds' classifiers.
        held_out: (N,) logits of the ensemble and (N,) labels.
    """
    common = [key for key in states[0] if len(states) > 1 and all(torch.equal(states[0][key], s[key]) for s in states)]
    tensors = {f"{_SHARED}{key}": _small(states[0][key]) for key in common}
    for number, state in enumerate(states):
        tensors |= {_FOLD.format(number) + key: _small(value) for key, value in state.items() if key not in common}
    tensors |= {_LOGIT: held_out[0].float(), _LABEL: held_out[1].to(torch.uint8)}
    save_tensors(path, tensors, {"labeller": json.dumps(vars(settings), sort_keys=True)})


def load_labeller(path: str | Path, probability: bool = True) -> LabelledScorer:
    """The ensemble of a file, or of the folder that a training leaves, ready for inference.

    Raises:
        WeightsError: a file that is missing, no labeller, or damaged.
    """
    file = path_of(str(path))
    tensors, metadata = load_tensors(file)
    settings = _settings(file, metadata)
    shared = _below(tensors, _SHARED)
    classifiers = []
    for number in range(settings.folds):
        classifier = _blank(settings, file)
        fill(classifier, shared | _below(tensors, _FOLD.format(number)), file)
        classifiers.append(classifier.eval().requires_grad_(False))
    return LabelledScorer(
        settings.attribute,
        classifiers,
        settings.temperature,
        probability=probability,
        held_out=_held_out(file, tensors),
    )


def labelled_scorer(config: ScorerConfig) -> LabelledScorer:
    """The scorer `labelled`: the labeller `config.weights`. WeightsError: as `load_labeller`."""
    return load_labeller(config.weights, config.output == "probability")


def _blank(settings: LabellerFacts, file: Path) -> Classifier:
    try:
        return make_classifier(settings.backbone, settings.side, settings.width)
    except ConfigError as error:
        raise WeightsError(f"{file}: {error}; was it written by another version?") from error


def _settings(file: Path, metadata: Mapping[str, str]) -> LabellerFacts:
    try:
        values: dict[str, Any] = json.loads(metadata["labeller"])
        settings = LabellerFacts(**values)
        if not 1 <= settings.folds <= MOST_FOLDS or settings.side < 1 or settings.width < 1:
            raise ValueError(f"folds {settings.folds}, side {settings.side}, width {settings.width}")
        if not 0 < settings.temperature < math.inf:
            raise ValueError(f"temperature {settings.temperature}")
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{file}: no usable 'labeller' in its metadata ({error}); expected a file of jobs/train_labeller.py"
        ) from error
    return settings


def _held_out(file: Path, tensors: Mapping[str, Tensor]) -> HeldOut:
    if _LOGIT not in tensors or _LABEL not in tensors or tensors[_LOGIT].shape != tensors[_LABEL].shape:
        raise WeightsError(f"{file}: lacks {_LOGIT} and {_LABEL} of one length; train it again")
    probability: FloatArray = torch.sigmoid(tensors[_LOGIT].double()).numpy()
    return HeldOut(probability, np.asarray(tensors[_LABEL].numpy() > 0))


def _below(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}


def _small(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value
