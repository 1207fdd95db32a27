"""Pictures in, codes and verdicts out: the one call that a stage of a run makes."""

from __future__ import annotations

import torch
from torch import Tensor

from higan_cam.config.pictures import InvertConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.invert.camera import at_rest, photographed, reach
from higan_cam.invert.figures import HasFeatures, PooledFeatures, feature_distance, psnr
from higan_cam.invert.methods import method_of
from higan_cam.invert.problem import Encoder, Problem, Solution, drawn
from higan_cam.invert.published import RECIPES, published_losses
from higan_cam.invert.result import Inversion, Verdict, joined
from higan_cam.invert.statistics import CodeStatistics, statistics_latents
from higan_cam.invert.verdict import Calibration, calibration_of, judged, thresholds_of
from higan_cam.losses import Parts, make_losses
from higan_cam.losses.codes import delta, prior
from higan_cam.losses.networks import Networks
from higan_cam.types import FloatArray, Generator, Scorer

CALIBRATION_SAMPLES = 128
JUDGE = "efficientnet_lite0"
"""Among `invert.networks`: judges where the scorer has no features."""


def invert_pictures(
    generator: Generator,
    pictures: Tensor,
    config: InvertConfig,
    statistics: CodeStatistics,
    encoder: Encoder | None = None,
    scorer: Scorer | None = None,
    *,
    calibration: Calibration | None = None,
    judge: HasFeatures | None = None,
) -> Inversion:
    """The codes of pictures at the generator's size, `config.micro_batch` at a time, in order.

    Args:
        pictures: (N,3,S,S) float32 in [-1,1], N >= 1, on the networks' device.
        statistics: of the generator's codes, on the same device.
        encoder: for the methods that begin with one.
        scorer: judges picture and reconstruction; its features too, where it has any, else those of EfficientNet-Lite0
            where `config.networks` names it.
        calibration: what thresholds that are `auto` come from; without it those ask for nothing.
        judge: whose features those are, from `judge_of`, so that many calls read its file once; None reads it here.

    Raises:
        ConfigError: a method, recipe or loss that is unknown, or one that lacks its encoder or a network's file.
        WeightsError: a network's file that is missing or does not fit.
        ValueError: pictures of another shape.
    """
    side = generator.resolution
    if pictures.ndim != 4 or pictures.shape[1:] != (3, side, side) or not len(pictures):
        raise ValueError(f"pictures must be (N,3,{side},{side}) with N >= 1, got {tuple(pictures.shape)}")
    problem = make_problem(generator, config, statistics, encoder, scorer)
    method = method_of(problem)
    # A clone, since what was made in inference mode takes no part in a gradient.
    parts = [part.clone() for part in pictures.split(config.micro_batch)]
    judge = judge or judge_of(config, scorer, str(pictures.device))
    found = joined([_measured(problem, part, method(problem, part), scorer, judge) for part in parts])
    return judged(found, thresholds_of(config, calibration))


def make_problem(
    generator: Generator,
    config: InvertConfig,
    statistics: CodeStatistics,
    encoder: Encoder | None = None,
    scorer: Scorer | None = None,
) -> Problem:
    """What every picture is inverted with; errors of the configuration as in `invert_pictures`."""
    parts = Parts(
        features=scorer.features if isinstance(scorer, HasFeatures) else None,
        spread=statistics,
        files=config.networks,
        device=str(statistics.mean.device),
    )
    if config.published not in (None, *RECIPES):
        raise unknown_name("invert.published", str(config.published), RECIPES)
    try:
        losses = make_losses(config.losses, parts) if config.published is None else published_losses(config, parts)
    except ConfigError as error:
        raise ConfigError(f"invert.{error} (networks: invert.networks)") from error
    return Problem(generator, statistics, config, losses, encoder)


def calibrate(
    generator: Generator,
    config: InvertConfig,
    statistics: CodeStatistics,
    encoder: Encoder | None = None,
    scorer: Scorer | None = None,
    *,
    samples: int = CALIBRATION_SAMPLES,
) -> Calibration:
    """How well the generator's own samples are drawn again, inverted as pictures will be; arguments as there.

    The samples are the first latents of the statistics, which no run has.
    """
    latents = torch.from_numpy(statistics_latents(samples, generator.z_dim)).to(statistics.mean.device)
    with torch.no_grad():
        codes = generator.truncate(generator.map(latents)).split(config.micro_batch)
        pictures = torch.cat([drawn(generator, part).clamp(-1, 1) for part in codes])
        judge = judge_of(config, scorer, str(pictures.device))
        strangers = torch.nan if judge is None else _strangers(judge, pictures, config.micro_batch)
    found = invert_pictures(generator, pictures, config, statistics, encoder, scorer, judge=judge)
    return calibration_of(found, strangers)


def _strangers(judge: HasFeatures, pictures: Tensor, at_once: int) -> float:
    """Median feature distance of pictures that have nothing to do with each other."""
    parts = zip(pictures.roll(1, 0).split(at_once), pictures.split(at_once), strict=True)
    return torch.cat([feature_distance(judge, *each) for each in parts]).median().item()


def judge_of(config: InvertConfig, scorer: object, device: str) -> HasFeatures | None:
    """Whose features say how far picture and reconstruction are apart; None where nobody has any."""
    if isinstance(scorer, HasFeatures):
        return scorer
    if JUDGE not in config.networks:
        return None
    networks = Networks(Parts(files=config.networks, device=device))
    return PooledFeatures(networks.efficientnet_lite0.features)


@torch.no_grad()
def _measured(
    problem: Problem, pictures: Tensor, solution: Solution, scorer: Scorer | None, judge: HasFeatures | None
) -> Inversion:
    """What was found, with every figure measured on what the generator draws in its own precision; not judged yet."""
    camera, spread, w_plus = solution.camera, problem.statistics, solution.w_plus
    image, seen = drawn(problem.generator, w_plus), None
    if camera is not None:
        image, seen = photographed(image, camera), reach(camera, image.shape[-1])
    image = image.clamp(-1, 1)
    unjudged: tuple[Verdict, ...] = tuple("ok" for _ in pictures)
    unknown = torch.full_like(solution.loss, torch.nan)
    apart = unknown if judge is None else feature_distance(judge, image, pictures)
    return Inversion(
        w_plus=_array(w_plus),
        psnr=_array(psnr(image, pictures, seen)),
        feature_distance=_array(apart),
        score_picture=_array(unknown if scorer is None else scorer.score(pictures)),
        score=_array(unknown if scorer is None else scorer.score(image)),
        distance=_array(prior(w_plus, spread).sqrt()),
        delta=_array(delta(w_plus, spread)),
        best_step=solution.best.cpu().numpy(),
        steps=solution.taken.cpu().numpy(),
        camera=_array(at_rest(len(pictures), pictures) if camera is None else camera),
        verdict=unjudged,
        reason=("",) * len(pictures),
    )


def _array(values: Tensor) -> FloatArray:
    array: FloatArray = values.detach().cpu().float().numpy()
    return array
