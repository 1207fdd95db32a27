"""Speed of the published mask against ours, ours against its floor, and DBSCAN against scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from sklearn.cluster import DBSCAN
from torch import Tensor

from higan_cam.config import AttributionConfig, RegionConfig, load_config
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.generate.stylegan2 import ModulatedLayer, StyleGAN2
from higan_cam.mask import find_regions, grid_dbscan, make_attribution
from higan_cam.mask.heat import repeat_state
from higan_cam.pipeline import (
    attribute_unit,
    attribution_for,
    edit_for,
    edited_ends,
    label_and_fit,
    load_models,
    w_plus_of,
)
from higan_cam.types import BoolArray, FloatArray, Scorer, WorkUnit
from tests.benchmarks.published import PlainLayers, published_heat, published_masks
from tests.benchmarks.timing import SpeedRow, side_by_side
from tests.parity.hash_weights import hash_generator

PARITY = Path(__file__).resolve().parents[3] / "shared" / "parity"
LAYERS = tuple(range(6, 12))
REGIONS = RegionConfig(style="ellipse")
EPS, MIN_SAMPLES = 4, 40
Pairs = list[tuple[Tensor, Tensor]]


def mask_rows(repeats: int = 5) -> list[SpeedRow]:
    """One latent's mask: the published algorithm against ours, and ours against its floor."""
    generator, pairs, source = bedroom()
    network = PlainLayers.of(generator)
    worst = max(_difference(generator, network, pair) for pair in pairs)
    note = f"{source}; heat maps differ by at most {worst:.1e}"
    if worst > 1e-4:
        raise ValueError(f"the two algorithms' heat maps differ by {worst:g}, expected at most 1e-4")
    ours = _rotating(pairs, lambda pair: _our_masks(generator, pair))
    published = _rotating(pairs, lambda pair: published_masks(published_heat(network, *pair, LAYERS)))
    floor = _rotating(pairs, lambda pair: _floor(generator, pair))
    fast, slow = side_by_side(ours, published, repeats, times=(4, 1))
    again, least = side_by_side(ours, floor, 2 * repeats, times=(2, 2))
    return [
        SpeedRow(
            "masks of one latent, 256 px StyleGAN",
            tuple(b / a for a, b in zip(fast, slow, strict=True)),
            float(np.median(fast)),
            float(np.median(slow)),
            "published algorithm / ours",
            22.0,
            ">=",
            note,
        ),
        SpeedRow(
            "masks of one latent, 256 px StyleGAN",
            tuple(a / b for a, b in zip(again, least, strict=True)),
            float(np.median(again)),
            float(np.median(least)),
            "ours / floor",
            1.15,
            "<=",
            "floor: layers 0-5 once, layers 6-11 for a batch of two, no graph, no maps, no regions",
        ),
    ]


def dbscan_row(repeats: int = 3) -> SpeedRow:
    """Clusters of heat-map-like masks: scikit-learn's DBSCAN against the grid's, with equal labels."""
    ratios, ours, others = [], [], []
    masks = list(heat_masks())
    for mask in masks:
        if not np.array_equal(grid_dbscan(mask, EPS, MIN_SAMPLES), sklearn_labels(mask)):
            raise ValueError(f"labels differ on a mask of {int(mask.sum())} points")
        fast, slow = side_by_side(*_clusterings(mask), repeats, times=(5, 1))
        ratios.append(float(np.median(slow) / np.median(fast)))
        ours.append(float(np.median(fast)))
        others.append(float(np.median(slow)))
    note = f"{len(masks)} masks of 1,500 to 30,000 points, identical labels; one ratio per mask"
    meaning = "scikit-learn / ours"
    return SpeedRow(
        "DBSCAN", tuple(ratios), float(np.median(ours)), float(np.median(others)), meaning, 10.0, ">=", note
    )


def picture_rows(repeats: int = 5) -> list[SpeedRow]:
    """The GPU's part of a mask unit on rooms: against drawing the ends again for the map, and against its floor."""
    config = load_config(None, ["boundary.tails=60", "label.count=400", "mask.count=24"])
    models = load_models(config)
    boundary, unit = label_and_fit(models, config), WorkUnit(0, 0, config.mask.micro_batch)
    attribution = attribution_for(models, config, edit_for(models, config, boundary))

    def ours() -> object:
        return attribute_unit(models, config, boundary, unit)

    def codes() -> tuple[Tensor, Tensor, Tensor]:
        w_plus = w_plus_of(models, config, list(unit.indices))
        ends = edited_ends(models, config, boundary, w_plus)
        return w_plus, ends.negative, ends.positive

    def floor() -> object:
        with torch.inference_mode():
            return [models.generator.synthesize(code)[0] for code in codes()]

    def again() -> object:
        with torch.inference_mode():
            original, negative, positive = codes()
            heat = attribution(models.generator, models.scorer, negative, positive)
            return heat, [models.generator.synthesize(code)[0] for code in (original, negative, positive)]

    fast, slow = side_by_side(ours, again, repeats)
    whole, least = side_by_side(ours, floor, repeats)
    name = f"heat maps and pictures of {unit.stop} rooms, {config.attribution.name}"
    return [
        SpeedRow(
            name,
            tuple(b / a for a, b in zip(fast, slow, strict=True)),
            float(np.median(fast)),
            float(np.median(slow)),
            "ends drawn again for the map / ours",
            1.4,
            ">=",
            "five passes of the generator against three",
        ),
        SpeedRow(
            name,
            tuple(a / b for a, b in zip(whole, least, strict=True)),
            float(np.median(whole)),
            float(np.median(least)),
            "ours / floor",
            1.15,
            "<=",
            "floor: the three pictures of every sample, and nothing else",
        ),
    ]


def generator_row(repeats: int = 5) -> SpeedRow:
    """The embedded StyleGAN2's forward pass against its convolutions alone, with kernels as they are used."""
    config = load_config(None, [])
    models, size = load_models(config), config.label.micro_batch
    with torch.inference_mode():
        w_plus = w_plus_of(models, config, range(size))
        convolutions = list(_convolutions(cast(StyleGAN2, models.generator), size))

    def ours() -> object:
        with torch.inference_mode():
            return models.generator.synthesize(w_plus)

    def floor() -> object:
        with torch.inference_mode():
            return [convolution() for convolution in convolutions]

    whole, least = side_by_side(ours, floor, repeats)
    return SpeedRow(
        f"pictures of {size} rooms",
        tuple(a / b for a, b in zip(whole, least, strict=True)),
        float(np.median(whole)),
        float(np.median(least)),
        "generator / its convolutions alone",
        1.5,
        "<=",
        "the rest is styles, noise, bias and activation: passes over memory",
    )


def _convolutions(generator: StyleGAN2, size: int) -> Iterator[Callable[[], Tensor]]:
    """Every convolution of a forward pass, on inputs of its shape."""
    for layer in generator.synthesis.children():
        if not isinstance(layer, ModulatedLayer):
            continue
        kernel, up = layer._constants()[0], layer.filter
        side = layer.noise.shape[-1] // (1 if up is None else 2)
        channels = layer.weight.shape[2]
        x = torch.randn(size, channels, side, side).contiguous(memory_format=torch.channels_last)
        yield partial(layer._convolve, x, kernel)


def bedroom() -> tuple[StyleGAN, Pairs, str]:
    """The 256 px bedroom StyleGAN with the reference's weights and codes, or random ones where those are absent."""
    if PARITY.is_dir():
        arrays = [np.load(PARITY / f"cam_latent{index}.npz") for index in range(4)]
        pairs = [(torch.from_numpy(one["code_neg"])[None], torch.from_numpy(one["code_pos"])[None]) for one in arrays]
        return hash_generator(PARITY), pairs, "reference weights and codes"
    source = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = StyleGAN().eval().requires_grad_(False)
    codes = generator.truncate(generator.map(torch.randn(4, generator.z_dim, generator=source)))
    step = torch.zeros_like(codes[:1])
    step[:, 6:12] = 3 * torch.nn.functional.normalize(torch.randn(generator.w_dim, generator=source), dim=0)
    return generator, [(code - step, code + step) for code in codes.split(1)], "random weights and codes"


def heat_masks() -> Iterator[BoolArray]:
    """(256,256) masks of 1,500 to 30,000 points: blobs, smooth noise and blobs with noise, two of each size."""
    for seed, points in enumerate((1_500, 3_000, 6_000, 12_000, 20_000, 30_000) * 2):
        source = np.random.default_rng(seed)
        blobs = np.zeros((256, 256), np.float32)
        for y, x, sigma in source.uniform((20, 20, 8), (236, 236, 40), (5, 3)):
            rows, columns = np.ogrid[:256, :256]
            blobs += np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)).astype(np.float32)
        noise = cv2.GaussianBlur(source.standard_normal((256, 256)).astype(np.float32), (0, 0), 6)
        noise = noise / np.std(noise)
        for heat in (blobs, noise, blobs + 0.15 * noise):
            yield heat >= np.partition(heat.ravel(), -points)[-points]


def sklearn_labels(mask: BoolArray) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """scikit-learn's labels of the mask's pixels: -2 not a point, -1 noise, else the cluster."""
    labels = np.full((mask.shape[0], mask.shape[1]), -2, np.int32)
    labels[mask] = DBSCAN(eps=EPS, min_samples=MIN_SAMPLES).fit_predict(np.argwhere(mask))
    return labels


def _clusterings(mask: BoolArray) -> tuple[Callable[[], object], Callable[[], object]]:
    return lambda: grid_dbscan(mask, EPS, MIN_SAMPLES), lambda: sklearn_labels(mask)


def _rotating(pairs: Pairs, work: Callable[[tuple[Tensor, Tensor]], object]) -> Callable[[], object]:
    """Each call works on the next pair."""
    following = cycle(pairs)
    return lambda: work(next(following))


def our_heat(
    generator: StyleGAN, pair: tuple[Tensor, Tensor], layers: tuple[int, ...] = LAYERS, size: int = 256
) -> FloatArray:
    """(size,size) heat of one pair of codes, as the package computes it."""
    attribution = make_attribution(AttributionConfig(name="activation_difference", map_size=size), layers)
    no_scorer: Scorer = None  # type: ignore[assignment]  # the published map never looks at one
    heat: FloatArray = attribution(generator, no_scorer, *pair)[0].numpy()
    return heat


def _our_masks(generator: StyleGAN, pair: tuple[Tensor, Tensor]) -> object:
    return find_regions(our_heat(generator, pair), REGIONS, generator.resolution)


def _floor(generator: StyleGAN, pair: tuple[Tensor, Tensor]) -> object:
    with torch.no_grad():
        state, _ = generator.advance(pair[0], LAYERS[0])
        return generator.advance(torch.cat(pair), LAYERS[-1] + 1, LAYERS, repeat_state(state, 2))


def _difference(generator: StyleGAN, network: PlainLayers, pair: tuple[Tensor, Tensor]) -> float:
    return float(np.abs(our_heat(generator, pair) - published_heat(network, *pair, LAYERS)).max())
