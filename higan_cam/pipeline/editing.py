"""Look at edits without a run: codes of a few samples, moved, mixed or interpolated, as strips of pictures.

Shapes: N strips, K pictures each, L rows of w+, D code dimension.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from higan_cam.config import RunConfig
from higan_cam.errors import ConfigError
from higan_cam.generate import to_uint8
from higan_cam.manipulate import combined_direction, interpolate, mix_styles, plan_edit
from higan_cam.manipulate.layer_lists import format_layers
from higan_cam.pipeline.models import Models, batches, w_plus_of
from higan_cam.publish.sheets.strips import Strip
from higan_cam.types import Boundary

MOST_PICTURES = 1024
"""On one sheet; HiGAN's list of eight boundaries on its ten samples takes 560."""


@dataclass(frozen=True, eq=False)
class Pictured:
    """(N,K,L,D) codes, a heading per strip and a caption per picture."""

    codes: Tensor
    headings: Sequence[str]
    captions: Sequence[Sequence[str]]


def named(models: Models, index: int) -> str:
    """What a sample is called on a sheet: pictures that were inverted are none of the generator's own."""
    return f"sample {index}" if models.codes is None else f"picture {index}"


def sampled(models: Models, config: RunConfig, indices: Sequence[int]) -> Tensor:
    """(N,L,D) truncated codes of these samples."""
    with torch.inference_mode():
        return w_plus_of(models, config, indices)


def moved(
    models: Models,
    config: RunConfig,
    boundaries: Sequence[tuple[Boundary, float]],
    indices: Sequence[int],
    distances: Sequence[float],
) -> Pictured:
    """Samples at several distances along the weighted sum of boundaries, each on the layers that its edit takes.

    ConfigError: a boundary that does not fit the generator.
    """
    strength = models.generator.edit_strength
    for boundary, _ in boundaries:
        if boundary.space == "z" and len(strength) > 1:
            raise ConfigError(
                f"boundary {boundary.attribute!r} lies in z, before the mapping network; edits move w: fit one there"
            )
    w_plus = sampled(models, config, indices)
    direction = combined_direction(
        [(boundary, plan_edit(config.edit, boundary, strength), weight) for boundary, weight in boundaries], w_plus
    )
    codes = w_plus[:, None] + w_plus.new_tensor(list(distances))[:, None, None] * direction
    captions = [f"{distance:+g}" if distance else "0 (original)" for distance in distances]
    return Pictured(codes, [named(models, index) for index in indices], [captions] * len(indices))


def mixed(models: Models, config: RunConfig, pair: tuple[int, int], rows: Sequence[int]) -> Pictured:
    """Two samples and both mixtures of them: each with these w+ rows of the other.

    ConfigError: a generator with a single row, or rows that it does not have.
    """
    if models.generator.num_layers < 2:
        raise ConfigError("--mix: the generator has one row, so there is nothing to mix; it needs a StyleGAN")
    codes = sampled(models, config, pair)
    crossed = mix_styles(codes, codes, rows)  # (style, content)
    first, second = pair
    own, other = (named(models, index) for index in pair)
    captions = [own, f"{first}, rows of {second}", f"{second}, rows of {first}", other]
    strip = torch.stack([codes[0], crossed[1, 0], crossed[0, 1], codes[1]])
    return Pictured(strip[None], [f"rows {format_layers(tuple(rows))}"], [captions])


def between(models: Models, config: RunConfig, pair: tuple[int, int], steps: int) -> Pictured:
    """A straight line in w+ from one sample to another, both ends included."""
    source, target = sampled(models, config, pair)[:, None]
    captions = [f"{share:.0%}" for share in np.linspace(0, 1, steps)]
    return Pictured(
        interpolate(source, target, steps), [" to ".join(named(models, index) for index in pair)], [captions]
    )


def check_room(shown: Iterable[Pictured]) -> None:
    """ConfigError: more pictures than a sheet holds."""
    count = sum(len(each.codes.flatten(0, 1)) for each in shown)
    if count > MOST_PICTURES:
        raise ConfigError(f"{count} pictures: a sheet holds {MOST_PICTURES} at most; ask for fewer")


def pictures(models: Models, config: RunConfig, shown: Pictured, *, scores: bool) -> list[Strip]:
    """Draw the codes, and write the scores under the pictures where asked.

    ConfigError: more pictures than a sheet holds.
    """
    check_room([shown])
    count, steps = shown.codes.shape[:2]
    codes, images, scored = shown.codes.flatten(0, 1), [], []
    with torch.inference_mode():
        for part in batches(range(len(codes)), config.label.micro_batch):
            image, _ = models.generator.synthesize(codes[part[0] : part[-1] + 1])
            images += list(to_uint8(image))
            scored += models.scorer.score(image).tolist() if scores else []
    lines: list[tuple[str, ...]] = [(caption,) for row in shown.captions for caption in row]
    if scores:
        lines = [(*line, f"{models.scorer.attribute} {score:.3g}") for line, score in zip(lines, scored, strict=True)]
    parts = [slice(row * steps, (row + 1) * steps) for row in range(count)]
    return [Strip(heading, images[part], lines[part]) for heading, part in zip(shown.headings, parts, strict=True)]


def as_listed(boundary: Boundary, name: str, space: str) -> Boundary:
    """A boundary under the name and in the space that a list gives it; its file says neither."""
    return replace(boundary, attribute=name, space="z" if space == "z" else "w")
