"""What a trained generator and scorer are worth, on latents nobody trained on; figures of rooms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

from higan_cam.files import write_whole
from higan_cam.generate.images import to_uint8
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.label.lighting import LightingScorer
from higan_cam.measure.generation.distances import frechet_distance
from higan_cam.publish.images import encode_image
from higan_cam.rooms import fixture_map, level, render, scene_of
from higan_cam.rooms.scene import LAMPS, Scene
from higan_cam.train.distill.latents import as_tensor, held_out_latents
from higan_cam.types import FloatArray

BATCH = 16


@torch.no_grad()
def generate(generator: StyleGAN2, z: FloatArray) -> Tensor:
    """(N,Z) latents -> (N,3,H,W) images clamped to [-1,1]."""
    parts = [generator(part).clamp(-1, 1) for part in as_tensor(z).split(BATCH)]
    return torch.cat(parts)


def image_metrics(generator: StyleGAN2, count: int) -> dict[str, float]:
    """PSNR in dB against the renders of held-out latents: whole, at 64 px, on fixtures; and ghosts of absent lamps."""
    z = held_out_latents(count)
    scene = scene_of(z)
    truth, images = render(scene, generator.resolution), generate(generator, z)
    fixtures = fixture_map(scene, generator.resolution).expand_as(truth) > 0.5
    metrics = {
        "psnr_db": psnr(images - truth),
        "psnr_fixtures_db": psnr((images - truth)[fixtures]),
        **ghost_opacity(images, scene, truth),
    }
    if generator.resolution > 64:
        metrics["psnr_64px_db"] = psnr(_pool_to(images, 64) - _pool_to(truth, 64))
    return metrics


def ghost_opacity(images: Tensor, scene: Scene, truth: Tensor) -> dict[str, float]:
    """How much of each absent lamp is drawn all the same, as the share of the change that its presence would make.

    For an absent lamp with d = render(with it) - render(without it) on its fixture: <image - render, d> / <d, d>.
    1 is a whole lamp, 0 none. Mean, and the mean of absolute values (which errors of both signs cannot cancel); empty
    where no lamp is absent.
    """
    opacities: list[Tensor] = []
    for lamp in range(len(LAMPS)):
        absent = np.flatnonzero(scene.present[:, lamp] == 0)
        part = scene.take(absent)
        present = part.present.copy()
        present[:, lamp] = 1.0
        with_lamp = replace(part, present=present)
        there = torch.from_numpy(absent)
        fixture = fixture_map(with_lamp, truth.shape[-1]) - fixture_map(part, truth.shape[-1])
        change = (render(with_lamp, truth.shape[-1]) - truth[there]) * (fixture > 0.5)
        energy = change.square().sum(dim=(1, 2, 3))
        seen = energy > 1e-3
        overlap = ((images[there] - truth[there]) * change).sum(dim=(1, 2, 3))
        opacities.append(overlap[seen] / energy[seen])
    every = torch.cat(opacities)
    if not len(every):
        return {}
    return {"ghost_opacity": float(every.mean()), "ghost_opacity_abs": float(every.abs().mean())}


@torch.no_grad()
def scorer_metrics(scorer: LightingScorer, images: Tensor, levels: FloatArray) -> dict[str, float]:
    """Pearson and Spearman correlation and mean absolute error of scores against true levels in [0,3]."""
    scores = torch.cat([scorer.score(part) for part in images.split(BATCH)]).numpy()
    return {
        "pearson": float(np.corrcoef(scores, levels)[0, 1]),
        "spearman": float(stats.spearmanr(scores, levels).statistic),
        "mae": float(np.abs(scores - levels).mean()),
    }


def psnr(difference: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of an error on a [-1,1] scale (peak-to-peak 2)."""
    mse = float(difference.double().square().mean()) / 4
    return 10 * math.log10(1 / max(mse, 1e-12))


@torch.no_grad()
def feature_distances(generator: StyleGAN2, scorer: LightingScorer, count: int) -> dict[str, float]:
    """Frechet distances in the scorer's features: samples to renders of other rooms, beside renders to renders."""
    z = held_out_latents(2 * count)
    first, second = _features(scorer, render(z[:count], 128)), _features(scorer, render(z[count:], 128))
    samples = _features(scorer, generate(generator, z[count:]))
    return {
        "frechet_samples_renders": frechet_distance(first, samples),
        "frechet_renders_renders": frechet_distance(first, second),
    }


def level_metrics(generator: StyleGAN2, scorer: LightingScorer, count: int) -> dict[str, float]:
    """`scorer_metrics` on generated images, against the level of the room their latent means."""
    z = held_out_latents(count)
    return scorer_metrics(scorer, generate(generator, z), level(z))


def save_grid(path: Path, rows: Iterable[Tensor]) -> None:
    """Write rows of (N,3,H,W) images in [-1,1] as one PNG."""
    strips = [np.concatenate(list(to_uint8(row)), axis=1) for row in rows]
    write_whole(path, encode_image(np.concatenate(strips, axis=0)))


def _features(scorer: LightingScorer, images: Tensor) -> FloatArray:
    features: FloatArray = torch.cat([scorer.features(part) for part in images.split(BATCH)]).double().numpy()
    return features


def _pool_to(images: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(images, images.shape[-1] // side)
