"""Pictures in, codes and verdicts out: the one call that a stage of a run makes."""

from __future__ import annotations

import torch
from torch import Tensor

from higan_cam.config.invert import InvertConfig
from higan_cam.invert.camera import at_rest, photographed, reach
from higan_cam.invert.descent import Descent
from higan_cam.invert.figures import HasFeatures, code_distance, feature_distance, psnr, row_spread
from higan_cam.invert.methods import Encoder, Setup, camera_of, drawn, make_method
from higan_cam.invert.result import Inversion, Verdict, joined
from higan_cam.invert.statistics import CodeStatistics
from higan_cam.types import FloatArray, Generator, Scorer


def invert_pictures(
    generator: Generator,
    pictures: Tensor,
    config: InvertConfig,
    statistics: CodeStatistics,
    encoder: Encoder | None = None,
    scorer: Scorer | None = None,
) -> Inversion:
    """The codes of pictures at the generator's size, `config.batch` at a time, in order.

    Args:
        pictures: (N,3,S,S) float32 in [-1,1], N >= 1, on the networks' device.
        statistics: of the generator's codes, on the same device.
        encoder: for the methods that begin with one.
        scorer: judges picture and reconstruction; its features too, where it has any.

    Raises:
        ConfigError: a method or loss that is unknown, or a method that lacks its encoder.
        ValueError: pictures of another shape.
    """
    side = generator.resolution
    if pictures.ndim != 4 or pictures.shape[1:] != (3, side, side) or not len(pictures):
        raise ValueError(f"pictures must be (N,3,{side},{side}) with N >= 1, got {tuple(pictures.shape)}")
    method = make_method(config, encoder)
    setup = Setup(generator, statistics, config, encoder)
    # A clone, since what was made in inference mode takes no part in a gradient.
    parts = [part.clone() for part in pictures.split(config.batch)]
    return joined([_judged(setup, part, method(setup, part), scorer) for part in parts])


@torch.no_grad()
def _judged(setup: Setup, pictures: Tensor, descent: Descent, scorer: Scorer | None) -> Inversion:
    """What was found, with every figure measured on what the generator draws in its own precision."""
    statistics, white = setup.statistics, descent.values["code"]
    w_plus = statistics.w_plus(white)
    image, camera = drawn(setup.generator, w_plus), camera_of(descent.values)
    seen = None if camera is None else reach(camera, image.shape[-1])
    image = (image if camera is None else photographed(image, camera)).clamp(-1, 1)
    unknown = torch.full_like(descent.loss, torch.nan)
    apart = feature_distance(scorer, image, pictures) if isinstance(scorer, HasFeatures) else unknown
    verdicts: tuple[Verdict, ...] = tuple("ok" for _ in pictures)
    return Inversion(
        w_plus=_array(w_plus),
        psnr=_array(psnr(image, pictures, seen)),
        feature_distance=_array(apart),
        score_picture=_array(unknown if scorer is None else scorer.score(pictures)),
        score=_array(unknown if scorer is None else scorer.score(image)),
        distance=_array(code_distance(white, statistics.varies).sqrt()),
        delta=_array(row_spread(white, statistics.varies)),
        best_step=descent.best.cpu().numpy(),
        steps=descent.taken.cpu().numpy(),
        camera=_array(at_rest(len(pictures), pictures) if camera is None else camera),
        verdict=verdicts,
        reason=tuple("" for _ in verdicts),
    )


def _array(values: Tensor) -> FloatArray:
    array: FloatArray = values.detach().cpu().float().numpy()
    return array
