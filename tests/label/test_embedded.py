"""The two embedded scorers: both see the light, and the second one does not see it the first one's way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from higan_cam.generate import sample_latents
from higan_cam.label import LightingScorer, load_scorer
from higan_cam.rooms import level, render
from higan_cam.rooms.scene import Z_DIM
from higan_cam.weights.embedded import EMBEDDED_SCORERS

LATENTS = sample_latents(range(48), 2**62 + 7, Z_DIM)


@pytest.fixture(scope="module")
def rooms() -> Tensor:
    return render(LATENTS, 128)


def scores(name: str, images: Tensor) -> np.ndarray:
    with torch.no_grad():
        return load_scorer("lighting", name).score(images).numpy()


@pytest.mark.parametrize("name", EMBEDDED_SCORERS)
def test_an_embedded_scorer_ranks_rooms_by_their_light(name: str, rooms: Tensor) -> None:
    found = scores(name, rooms)
    assert spearmanr(found, level(LATENTS)).statistic > 0.98
    assert np.abs(found - level(LATENTS)).mean() < 0.1


def test_the_second_scorer_is_another_network_that_needs_no_colour_and_no_exposure(rooms: Tensor) -> None:
    first, second = (load_scorer("lighting", name) for name in ("rooms", "rooms_second"))
    assert isinstance(first, LightingScorer)
    assert isinstance(second, LightingScorer)
    assert (first.backbone.width, first.input_size) != (second.backbone.width, second.input_size)
    dimmed = 2 * ((rooms.mean(dim=1, keepdim=True).expand_as(rooms) + 1) / 2).pow(1.4) - 1
    errors = [np.abs(scores(name, dimmed) - level(LATENTS)).mean() for name in ("rooms", "rooms_second")]
    assert errors[1] < 0.1 < errors[0]
