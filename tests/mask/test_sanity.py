"""Sanity checks for attributions (Adebayo et al. 2018, arXiv:1810.03292): what a map claims to depend on changes it."""

from __future__ import annotations

import copy
from functools import cache
from typing import Protocol

import pytest
import torch
from torch import Tensor

from higan_cam.config import AttributionConfig
from higan_cam.generate import load_generator, sample_latents
from higan_cam.label import load_scorer
from higan_cam.mask.attribution import OF_CHANGE, make_attribution
from higan_cam.mask.path import path_signed
from higan_cam.types import Generator, Scorer

SEES_THE_SCORER = ("path", "jvp", "grad_cam", "hires_cam", "layer_cam")
SEES_ALL_CHANGE = ("image_difference", "light_change", "colour_change", "light_steps")
BLIND_TO_THE_SCORER = (*SEES_ALL_CHANGE, "activation_difference")
LAYERS = (5, 6, 7)


@pytest.fixture(scope="module")
def models() -> tuple[Generator, Scorer]:
    """The embedded networks."""
    return load_generator("rooms"), load_scorer("lighting", "rooms")


@pytest.fixture(scope="module")
def codes(models: tuple[Generator, Scorer]) -> Tensor:
    generator, _ = models
    with torch.no_grad():
        return generator.truncate(generator.map(torch.from_numpy(sample_latents(range(4), 11, generator.z_dim))))


def moved(codes: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Both ends of a random edit of 3 code units on all rows."""
    normal = torch.nn.functional.normalize(
        torch.randn(codes.shape[-1], generator=torch.Generator().manual_seed(seed)), dim=0
    )
    return codes - 3 * normal, codes + 3 * normal


def randomised(scorer: Scorer) -> Scorer:
    """The same architecture with every weight drawn anew, statistics kept."""
    other = copy.deepcopy(scorer)
    source = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in other.parameters():  # type: ignore[attr-defined]
            parameter.copy_(
                torch.randn(parameter.shape, generator=source) * parameter.std(correction=0).clamp(min=0.05)
            )
    return other


def correlation(a: Tensor, b: Tensor) -> float:
    """Mean over samples of the correlation between two maps, ranks of pixels."""
    ranks = [maps.flatten(1).argsort(1).argsort(1).double() for maps in (a, b)]
    centred = [rank - rank.mean(1, keepdim=True) for rank in ranks]
    norms = [torch.linalg.vector_norm(rank, dim=1) for rank in centred]
    return float(((centred[0] * centred[1]).sum(1) / (norms[0] * norms[1])).mean())


class Heat(Protocol):
    """The map of a random edit, by the trained scorer or one with random weights, or with its ends swapped."""

    def __call__(self, name: str, seed: int = 0, *, random: bool = False, swapped: bool = False) -> Tensor: ...


@pytest.fixture(scope="module")
def heat_of(models: tuple[Generator, Scorer], codes: Tensor) -> Heat:
    """Each is made once."""
    generator, trained = models
    scorers = {False: trained, True: randomised(trained)}

    @cache
    def make(name: str, seed: int = 0, *, random: bool = False, swapped: bool = False) -> Tensor:
        negative, positive = moved(codes, seed)
        ends = (positive, negative) if swapped else (negative, positive)
        attribution = make_attribution(AttributionConfig(name=name, map_size=64, steps=4), LAYERS)
        return attribution(generator, scorers[random], *ends)

    return make


@pytest.mark.parametrize("name", SEES_THE_SCORER)
def test_a_scorer_with_random_weights_gives_another_map(name: str, heat_of: Heat) -> None:
    assert correlation(heat_of(name), heat_of(name, random=True)) < 0.7


@pytest.mark.parametrize("name", BLIND_TO_THE_SCORER)
def test_maps_that_ignore_the_scorer_do_so(name: str, heat_of: Heat) -> None:
    assert torch.equal(heat_of(name), heat_of(name, random=True))


@pytest.mark.parametrize("name", OF_CHANGE)
def test_another_boundary_gives_another_map(name: str, heat_of: Heat) -> None:
    assert correlation(heat_of(name), heat_of(name, 1)) < 0.8


def test_every_attribution_is_checked() -> None:
    assert {*SEES_THE_SCORER, *BLIND_TO_THE_SCORER} == set(OF_CHANGE)


@pytest.mark.parametrize("name", SEES_ALL_CHANGE)
def test_swapped_ends_give_the_same_map_of_all_change(name: str, heat_of: Heat) -> None:
    assert correlation(heat_of(name), heat_of(name, swapped=True)) > 0.999


@pytest.mark.parametrize("name", [name for name in OF_CHANGE if name not in SEES_ALL_CHANGE])
def test_swapped_ends_give_another_map(name: str, heat_of: Heat) -> None:
    assert correlation(heat_of(name), heat_of(name, swapped=True)) < 0.5


def test_the_path_is_complete_within_five_percent_at_eight_steps(
    models: tuple[Generator, Scorer], codes: Tensor
) -> None:
    generator, scorer = models
    negative, positive = moved(codes, 2)
    with torch.no_grad():
        change = scorer.score(generator.synthesize(positive)[0]) - scorer.score(generator.synthesize(negative)[0])
    total = path_signed(generator, scorer, negative, positive, 8).sum(dim=(1, 2))
    assert float((total - change).abs().sum() / change.abs().sum()) < 0.05
