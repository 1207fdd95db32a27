"""Samples against reals, with the record of how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError, DataError
from higan_cam.measure.generation.compare import compare
from higan_cam.measure.generation.features import FEATURE_SPACES, FeatureSpace, feature_space
from higan_cam.measure.generation.protocol import GenerationFigures, check_comparable
from higan_cam.types import ByteArray, FloatArray, Interval


def noise(seed: int, count: int, brightness: int = 0) -> ByteArray:
    """(count,8,8,3) pictures of noise."""
    draw = np.random.Generator(np.random.Philox(seed))
    return (draw.integers(0, 156, (count, 8, 8, 3)) + brightness).astype(np.uint8)


@pytest.fixture
def means() -> FeatureSpace:
    """Three means of colour."""
    return FeatureSpace("means", "0" * 64, lambda images: images.mean(dim=(2, 3)), lambda side: 2 * side)


def test_brighter_samples_are_further_away_than_others_of_the_same_kind(means: FeatureSpace) -> None:
    reals = noise(1, 200)
    near, far = compare(means, reals, noise(2, 200)), compare(means, reals, noise(3, 200, brightness=60))
    for name in ("frechet", "kernel"):
        assert near.figures[name].high < far.figures[name].low, name
    assert near.figures["coverage"].value > 0.9
    assert far.figures["precision"].value == 0


def test_figures_that_so_few_pictures_do_not_carry_are_left_out(means: FeatureSpace) -> None:
    assert set(compare(means, noise(1, 7), noise(2, 7)).figures) == {
        *("frechet", "precision", "density", "recall", "coverage")
    }
    assert "frechet" not in compare(means, noise(1, 7), noise(2, 5)).figures, "5 rows of 3 features"
    assert compare(means, noise(1, 3), noise(2, 3)).figures == {}


def test_reals_are_described_once(means: FeatureSpace) -> None:
    counted, kept = list[int](), dict[str, FloatArray]()

    def describe(images: torch.Tensor) -> torch.Tensor:
        counted.append(len(images))
        return images.mean(dim=(2, 3))

    space = replace(means, describe=describe)
    first = compare(space, noise(1, 50), noise(2, 50), kept=kept)
    assert sum(counted) == 100
    assert compare(space, noise(1, 50), noise(2, 50), kept=kept) == first
    assert sum(counted) == 150
    compare(space, noise(9, 50), noise(2, 50), kept=kept)  # other reals
    assert sum(counted) == 250


def test_what_was_measured_in_another_way_is_not_compared(means: FeatureSpace) -> None:
    one = compare(means, noise(1, 50), noise(2, 50)).protocol
    check_comparable(one, compare(means, noise(1, 50), noise(3, 50)).protocol)
    other = compare(means, noise(1, 50), noise(2, 40)).protocol
    with pytest.raises(DataError, match="samples 50 and 40"):
        check_comparable(one, other)


def test_figures_do_not_depend_on_what_was_drawn_before(means: FeatureSpace) -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(compare(means, noise(1, 50), noise(2, 50)))
    assert found[0] == found[1]


def test_the_record_says_how_pictures_were_enlarged(means: FeatureSpace) -> None:
    enlarged = compare(means, noise(1, 7), noise(2, 7)).protocol
    assert (enlarged.picture_side, enlarged.side, enlarged.filter) == (8, 16, "bicubic, antialiased")
    as_they_are = compare(replace(means, side_for=lambda side: side), noise(1, 7), noise(2, 7)).protocol
    assert (as_they_are.side, as_they_are.filter) == (8, "none")
    assert feature_space("rooms_scorer").side_for(8) == 128


def test_figures_survive_being_written(means: FeatureSpace) -> None:
    found = GenerationFigures(compare(means, noise(1, 7), noise(2, 7)).protocol, {"frechet": Interval(1, 0.5, 2)})
    assert GenerationFigures.from_json(found.to_json()) == found
    with pytest.raises(DataError, match="expected a protocol"):
        GenerationFigures.from_json({"frechet": 3})


def test_the_scorer_of_rooms_describes_pictures_of_any_side() -> None:
    space = feature_space("rooms_scorer")
    found = space.of(noise(1, 3))
    assert found.shape == (3, 128)
    assert np.isfinite(found).all()
    assert np.allclose(space.of(noise(1, 3)[1:]), found[1:], atol=1e-5)


def test_an_unknown_network_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="rooms_scorer"):
        feature_space("room_scorer")
    assert set(FEATURE_SPACES) == {"efficientnet_lite0", "rooms_scorer"}
