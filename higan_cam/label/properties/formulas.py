"""Whose formula measures a property: ours, or one of those that were published."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.label.properties.hairstyle import hairstyle
from higan_cam.label.properties.ours import PROPERTIES, Reading
from higan_cam.label.properties.parts import Face
from higan_cam.label.properties.published import SIDE, Value, properties_v1, properties_v2
from higan_cam.label.segmenters import Segmentation
from higan_cam.label.segmenters.segmenter import NO_FACE
from higan_cam.types import ByteArray

OURS = "ours"
Range = tuple[float, float]
_NOT_NEGATIVE, _GREY = (0.0, math.inf), (0.0, 255.0)
_RANGES: dict[str, Range] = {
    "eyes": _NOT_NEGATIVE,
    "mouth": _NOT_NEGATIVE,
    "hair_color": _GREY,
    "hair_length": _NOT_NEGATIVE,
    "background_mean": _GREY,
    "background_std": (0.0, 127.5),
}
_PUBLISHED: dict[str, tuple[Callable[[ByteArray, ByteArray], dict[str, Value]], dict[str, Range]]] = {
    "v1": (properties_v1, {**_RANGES, "yaw": (-1.0, 1.0)}),
    "v2": (properties_v2, {**_RANGES, "mouth": (0.0, 1.0), "yaw": (-math.inf, math.inf)}),
    "v3": (lambda labels, picture: {"hairstyle": hairstyle(labels, picture)}, {"hairstyle": _NOT_NEGATIVE}),
}
"""Formula -> (all its properties of one map and picture, {property: its least and greatest value})."""
FORMULAS: dict[str, dict[str, Range]] = {
    OURS: {name: ends for name, (_, ends) in PROPERTIES.items()},
    **{formula: ranges for formula, (_, ranges) in _PUBLISHED.items()},
}
"""{formula: {property: its least and greatest value}}."""
_CALLED = {"yaw": "pose"}
"""What is published under another name."""


def range_of(target: str, formula: str) -> Range:
    """A property's least and greatest value. ConfigError: the formula has no such property, or is none."""
    if formula not in FORMULAS:
        raise unknown_name("scorer.formula", formula, FORMULAS)
    ranges = FORMULAS[formula]
    if target not in ranges:
        raise ConfigError(
            f"scorer.target: unknown property {target!r}; scorer.formula={formula} measures {', '.join(ranges)}"
        )
    return ranges[target]


def measure(seen: Segmentation, target: str, formula: str = OURS) -> Reading:
    """The property of every picture that a segmenter has seen; undefined where the segmenter found no face.

    Ours have a gradient with respect to shares and crop. Maps and crops of other sizes are made 224x224 for published
    formulas: each pixel the nearest one's label, the crop bilinear.
    """
    found = PROPERTIES[target][0](Face.of(seen)) if formula == OURS else measure_published(seen, formula)[target]
    no_face = torch.tensor([problem == NO_FACE for problem in seen.problems], device=seen.shares.device)
    return Reading(found.values, ((no_face, NO_FACE), *found.lacking))


def measure_published(seen: Segmentation, formula: str) -> dict[str, Reading]:
    """{property: reading} by a published formula, whether or not there is a face."""
    of, ranges = _PUBLISHED[formula]
    found = [of(*each) for each in zip(*_as_published(seen.labels, seen.crop), strict=True)]
    device = seen.shares.device
    return {name: _reading([each[_CALLED.get(name, name)] for each in found], device) for name in ranges}


def _reading(found: Sequence[Value], device: torch.device) -> Reading:
    values = torch.tensor([value.value if value.valid else 0.0 for value in found], dtype=torch.float32)
    reasons = dict.fromkeys(value.reason for value in found if value.reason)
    lacking = [(torch.tensor([value.reason == each for value in found], device=device), each) for each in reasons]
    return Reading(values.to(device), tuple(lacking))


def _as_published(labels: Tensor, crop: Tensor) -> tuple[ByteArray, ByteArray]:
    """(N,224,224) and (N,224,224,3) uint8."""
    size = (SIDE, SIDE)
    if tuple(labels.shape[1:]) != size:
        labels = F.interpolate(labels[:, None].float(), size, mode="nearest-exact")[:, 0]
        crop = F.interpolate(crop, size, mode="bilinear", align_corners=False, antialias=True)
    pictures = (255 * crop.detach().clamp(0, 1)).round().permute(0, 2, 3, 1)
    return labels.cpu().numpy().astype(np.uint8), pictures.cpu().numpy().astype(np.uint8)
