"""Heat maps and masks against known light: every attribution beside the priors and the image difference.

The rooms know where every lamp is and what light it adds, so the truth of a generated picture is the re-render of its
latent. All figures are means over pictures with 95% percentile-bootstrap intervals (pictures resampled); differences
are paired. Only for a generator that was trained on rooms; shapes: N pictures, R image side, S map side, K lamps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.config import RegionConfig, RunConfig
from higan_cam.errors import ConfigError
from higan_cam.generate import sample_latents
from higan_cam.mask import ATTRIBUTIONS, find_regions
from higan_cam.measure.values import (
    AGAINST,
    Agreement,
    MaskBenchmarkResult,
    MethodResult,
    RegionSettingResult,
    TruthResult,
    estimate_means,
)
from higan_cam.pipeline import Models, attribution_for, edit_for, edited_ends
from higan_cam.pipeline.models import w_plus_of_latents
from higan_cam.rooms import localisation as metrics
from higan_cam.rooms import priors, render, truth
from higan_cam.rooms.scene import Z_DIM
from higan_cam.rooms.truth import LIT, REC_709
from higan_cam.types import BoolArray, Boundary, FloatArray

BENCHMARK_SEED = 2**62 + 1
"""Of the benchmark's latents: no run, no training and no other evaluation uses it."""
TOLERANCE = 0.04
"""How far from the truth the hottest pixel may lie, picture widths."""
POOL = 512
"""Other pictures whose truth makes the mean-pool prior."""
MEANINGS: Mapping[str, str] = {
    "light": f"light pools and fixtures of the present lamps: more than {LIT:.0%} of the light at the brightest pixel",
    "fixtures": "visible shades of the present lamps",
}
BASELINE = "image_difference"
SHIPPED = "as configured"
REGION_SETTINGS: Mapping[str, Callable[[RegionConfig], RegionConfig]] = {
    SHIPPED: lambda regions: regions,
    "threshold 0.5": lambda regions: regions.model_copy(update={"threshold": 0.5}),
    "threshold 0.7": lambda regions: regions.model_copy(update={"threshold": 0.7}),
    "ellipse": lambda regions: regions.model_copy(update={"style": "ellipse"}),
    "emitter": lambda regions: regions.model_copy(update={"target": "emitter"}),
    "hull": lambda regions: regions.model_copy(update={"style": "hull"}),
}
"""Regions that are measured: the configured ones and what one change makes of them."""


@dataclass(frozen=True, eq=False)
class KnownRooms:
    """The pictures and their truth; `masks` and `pool` by name of the truth."""

    latents: FloatArray
    light: FloatArray
    shades: BoolArray
    masks: Mapping[str, BoolArray]
    pool: Mapping[str, BoolArray]
    left_out: int


@dataclass(frozen=True, eq=False)
class Found:
    """What a method says: heat (N,R,R), the union mask (N,R,R) of its regions by setting, and what a picture took."""

    heat: FloatArray
    masks: Mapping[str, BoolArray]
    milliseconds: float | None = None


def benchmark_masks(
    models: Models,
    config: RunConfig,
    boundary: Boundary,
    *,
    count: int = 250,
    seed: int = BENCHMARK_SEED,
    methods: Sequence[str] = tuple(ATTRIBUTIONS),
) -> MaskBenchmarkResult:
    """Edit `count` latents as the configuration says, attribute by every method, and compare with the truth.

    Args:
        config: its edit, attribution (layers, steps, map size), regions and mask.micro_batch are used; its seed is not.
        count: latents; those without a visible lamp are left out and counted.
        methods: attributions by name; `image_difference` is always added.

    Raises:
        ConfigError: an unknown method, or a generator whose latents are not the rooms'.
    """
    if models.generator.z_dim != Z_DIM:
        raise ConfigError(
            f"generator.weights: ground truth needs a generator of rooms (z of {Z_DIM} numbers), "
            f"got {config.generator.weights!r} with {models.generator.z_dim}"
        )
    known = known_rooms(count, seed, models.generator.resolution)
    ends = code_ends(models, config, boundary, known.latents)
    names = dict.fromkeys((*methods, BASELINE))
    forward_ms = _forward_ms(models, ends)
    heats = {name: heat_of(models, config, boundary, ends, name) for name in names}
    edit = edit_for(models, config, boundary)
    return MaskBenchmarkResult(
        samples=len(known.latents),
        left_out=known.left_out,
        seed=seed,
        image_size=models.generator.resolution,
        distance=edit.distance,
        rows=edit.layers,
        agreement=_agreement(models, ends, known, seed),
        truths=tuple(_against(name, heats, known, config, seed) for name in MEANINGS),
        forward_ms=forward_ms,
    )


def known_rooms(count: int, seed: int, size: int, pool: int | None = None) -> KnownRooms:
    """Pictures of `size` pixels with at least one visible lamp, of `count` latents, and what is known about them.

    `pool`: other pictures, for the prior of their mean; `POOL` by default.
    """
    latents = sample_latents(range(count + (POOL if pool is None else pool)), seed, Z_DIM)
    light, shades = _light_and_shades(latents, size)
    masks = {"light": light > LIT * light.max(axis=(1, 2), keepdims=True), "fixtures": shades.any(axis=1)}
    usable = masks["fixtures"].any(axis=(1, 2)) & masks["light"].any(axis=(1, 2))
    keep, others = np.flatnonzero(usable[:count]), count + np.flatnonzero(usable[count:])
    return KnownRooms(
        latents[keep],
        light[keep],
        shades[keep],
        {name: mask[keep] for name, mask in masks.items()},
        {name: mask[others] for name, mask in masks.items()},
        count - len(keep),
    )


def _light_and_shades(latents: FloatArray, size: int, batch: int = 64) -> tuple[FloatArray, BoolArray]:
    """(N,R,R) light of all lamps together, and (N,K,R,R) shades; in batches, since each lamp's own light is large."""
    parts = [truth(latents[start : start + batch], size) for start in range(0, len(latents), batch)]
    light = np.concatenate([part.light.sum(dim=1).numpy() for part in parts])
    return light, np.concatenate([part.fixture.numpy() for part in parts])


def code_ends(models: Models, config: RunConfig, boundary: Boundary, latents: FloatArray) -> list[tuple[Tensor, ...]]:
    """(original, negative, positive) codes per micro-batch."""
    with torch.inference_mode():
        codes = w_plus_of_latents(models, latents)
        parts = codes.split(config.mask.micro_batch)
        ends = [edited_ends(models, config, boundary, part) for part in parts]
    return [(part, each.negative, each.positive) for part, each in zip(parts, ends, strict=True)]


def _forward_ms(models: Models, ends: Sequence[tuple[Tensor, ...]]) -> float:
    """Milliseconds per picture of a whole generator pass: the unit of cost. The first batch warms up."""
    with torch.inference_mode():
        models.generator.synthesize(ends[0][0])
        began = time.perf_counter()
        for original, _, _ in ends:
            models.generator.synthesize(original)[0].cpu()
    return 1e3 * (time.perf_counter() - began) / sum(len(original) for original, _, _ in ends)


def heat_of(
    models: Models, config: RunConfig, boundary: Boundary, ends: Sequence[tuple[Tensor, ...]], name: str
) -> Found:
    """What one attribution says about the pictures, with the time it took."""
    settings = config.unrefined.with_attribution(name)
    weights = boundary.metrics if name == config.attribution.name else None  # a run measures its own method's layers
    attribution = attribution_for(models, settings, edit_for(models, config, boundary), weights)
    began = time.perf_counter()
    with torch.inference_mode():
        heats = [attribution(models.generator, models.scorer, low, high).float().cpu() for _, low, high in ends]
    heat = torch.cat(heats).numpy()
    milliseconds = 1e3 * (time.perf_counter() - began) / len(heat)
    return found_regions(heat, config, REGION_SETTINGS, models.generator.resolution, milliseconds)


def found_regions(
    heat: FloatArray, config: RunConfig, settings: Iterable[str], size: int, milliseconds: float | None = None
) -> Found:
    """(N,s,s) heat at any size -> heat at the image's size, and the masks of the regions found at the map's size."""
    resized = [_resized(one, config.attribution.map_size) for one in heat]
    masks = {}
    for name in settings:
        regions = REGION_SETTINGS[name](config.regions)
        masks[name] = np.stack([find_regions(one, regions, size).mask > 0 for one in resized])
    return Found(np.stack([_resized(one, size) for one in heat]), masks, milliseconds)


def _resized(heat: FloatArray, size: int) -> FloatArray:
    """By area when it shrinks, bilinear when it grows."""
    how = cv2.INTER_AREA if len(heat) > size else cv2.INTER_LINEAR
    return heat if len(heat) == size else np.asarray(cv2.resize(heat, (size, size), interpolation=how), np.float32)


def _prior_maps(name: str, known: KnownRooms, seed: int) -> dict[str, FloatArray]:
    """Blind heat maps for one truth: (1,R,R) where every picture gets the same, else (N,R,R)."""
    count, size = known.light.shape[:2]
    pool = known.pool[name]
    return {
        "mean_pool": priors.mean_pool(pool)[None],
        "centre_gaussian": priors.centre_gaussian(size)[None],
        "centre_box": priors.centre_box(size, float(pool.mean()))[None],
        "random": priors.smooth_noise(count, size, seed, float(pool.mean())),
    }


def _against(name: str, heats: Mapping[str, Found], known: KnownRooms, config: RunConfig, seed: int) -> TruthResult:
    """Every method and prior against one truth."""
    mask, size = known.masks[name], known.light.shape[1]
    blind = {
        prior: found_regions(heat, config, (SHIPPED,), size) for prior, heat in _prior_maps(name, known, seed).items()
    }
    measured = {method: _measure(each, mask, known.shades) for method, each in {**heats, **blind}.items()}
    values = {method: per_picture for method, (per_picture, _) in measured.items()}
    best = max(blind, key=lambda prior: float(values[prior]["average_precision"].mean()))
    rows = []
    for method, (per_picture, threshold) in measured.items():
        columns = dict(per_picture)
        for label, other in ((AGAINST[0], best), (AGAINST[1], BASELINE)):
            columns[label] = per_picture["average_precision"] - values[other]["average_precision"]
        milliseconds = heats[method].milliseconds if method in heats else None
        rows.append(MethodResult(method, method in blind, estimate_means(columns, seed), threshold, milliseconds))
    regions = tuple(_regions(heats, mask, known.shades, seed))
    return TruthResult(name, MEANINGS[name], float(mask.mean()), best, tuple(rows), regions)


def _regions(
    heats: Mapping[str, Found], mask: BoolArray, shades: BoolArray, seed: int
) -> Iterator[RegionSettingResult]:
    """Every attribution under every region setting."""
    for method, each in heats.items():
        for setting, regions in each.masks.items():
            columns = {
                "iou": metrics.iou(regions, mask),
                "lamp_recall": metrics.lamp_recall(regions, shades),
                "coverage": regions.mean(axis=(1, 2)),
            }
            yield RegionSettingResult(method, setting, estimate_means(columns, seed))


def _measure(found: Found, mask: BoolArray, shades: BoolArray) -> tuple[dict[str, FloatArray], float]:
    """Every metric per picture, (N,) each, and the best one threshold for all pictures."""
    heat: FloatArray = np.broadcast_to(found.heat, mask.shape)
    regions: BoolArray = np.broadcast_to(found.masks[SHIPPED], mask.shape)
    overlaps = metrics.iou_by_threshold(heat, mask)
    best = int(overlaps.mean(axis=0).argmax())
    return {
        "average_precision": metrics.average_precision(heat, mask),
        "iou": metrics.iou(regions, mask),
        "best_iou": overlaps[:, best],
        "pointing": metrics.pointing(heat, mask, TOLERANCE * mask.shape[1]),
        "lamp_recall": metrics.lamp_recall(regions, shades),
    }, float(metrics.THRESHOLDS[best])


def _agreement(models: Models, ends: Sequence[tuple[Tensor, ...]], known: KnownRooms, seed: int) -> Agreement:
    """Is the truth true of the generated pictures? Originals against re-renders, the edit's change against light."""
    with torch.inference_mode():
        images = [[models.generator.synthesize(code)[0].clamp(-1, 1).cpu() for code in codes] for codes in ends]
    original, negative, positive = (torch.cat(kind) for kind in zip(*images, strict=True))
    error = (original - render(known.latents, models.generator.resolution)).square().mean().clamp(min=1e-10)
    change = (_luminance(positive) - _luminance(negative)).abs().numpy()
    lit = known.masks["light"]
    share = (change * lit).sum(axis=(1, 2)) / np.maximum(change.sum(axis=(1, 2)), 1e-12)
    columns = {"correlation": _correlation(change, known.light), "change_on_light": share}
    return Agreement(float(10 * torch.log10(4 / error)), **estimate_means(columns, seed))


def _luminance(image: Tensor) -> Tensor:
    """(N,3,R,R) in [-1,1] -> (N,R,R) display luminance in [0,1], weighted as the truth is."""
    return torch.einsum("nchw,c->nhw", (image + 1) / 2, torch.tensor(REC_709))


def _correlation(left: FloatArray, right: FloatArray) -> FloatArray:
    """(N,R,R) twice -> (N,) Pearson correlation over pixels; 0 where one is constant."""
    a, b = (part.reshape(len(part), -1) - part.mean(axis=(1, 2))[:, None] for part in (left, right))
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    correlations: FloatArray = (a * b).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    return correlations
