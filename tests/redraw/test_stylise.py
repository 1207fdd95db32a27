"""A picture in the manner of another, through a network small enough for every test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError, DataError
from higan_cam.generate.images import from_uint8
from higan_cam.losses import Parts, make_losses
from higan_cam.losses.features import gram
from higan_cam.redraw.stylise import StyliseSettings, of_style, stylise
from higan_cam.types import ByteArray

WEIGHTS = {"gram": 1.0, "features": 0.1, "total_variation": 0.05}
Make = Callable[..., StyliseSettings]


@pytest.fixture(scope="module")
def parts() -> Parts:
    """One layer of random filters of 5 px: textures as it sees them are that of the style."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 12, 5).requires_grad_(False)
    return Parts(features=lambda picture: torch.nn.functional.softplus(4 * layer(picture)))


def squares() -> ByteArray:
    """A bright square on dark."""
    content = np.full((40, 48, 3), 60, np.uint8)
    content[10:30, 14:34] = 190
    return content


def stripes() -> ByteArray:
    """Of 3 px, of another size than the content."""
    x, _ = np.meshgrid(np.arange(44), np.arange(36))
    return np.dstack([np.where(x % 6 < 3, 230, 30)] * 2 + [np.full_like(x, 120)]).astype(np.uint8)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("start", ["content", "noise"])
def test_textures_become_those_of_the_style_and_equal_seeds_give_equal_bytes(
    optimizer: Any, start: Any, parts: Parts
) -> None:
    settings = StyliseSettings(
        weights=WEIGHTS, steps=25, rate=0.1 if optimizer == "adam" else None, optimizer=optimizer, start=start, seed=3
    )
    found = stylise(squares(), stripes(), settings, parts)
    assert found.picture.shape == (40, 48, 3)
    assert found.terms["gram"] < 0.6
    assert found.losses[found.best] == min(found.losses) < 0.8 * found.losses[0]
    again = stylise(squares(), stripes(), settings, parts)
    np.testing.assert_array_equal(again.picture, found.picture)


def test_without_weight_on_the_style_s_side_there_is_nothing_to_do() -> None:
    assert [name for name in ("gram:vgg16", "colour", "features", "pixel", "total_variation") if of_style(name)] == [
        "gram:vgg16",
        "colour",
    ]
    with pytest.raises(ConfigError, match="no term of the style"):
        StyliseSettings(weights={"features": 1.0, "gram": 0.0})


def test_more_weight_on_content_keeps_more_of_it(parts: Parts) -> None:
    kept = [
        stylise(squares(), stripes(), StyliseSettings(weights={"gram": 1.0, "features": weight}, steps=15), parts)
        for weight in (0.05, 5.0)
    ]
    assert kept[1].terms["features"] < 0.5 * kept[0].terms["features"]
    assert kept[0].terms["gram"] < kept[1].terms["gram"]


def test_terms_are_those_of_the_library_in_units_and_1_where_the_style_begins(parts: Parts) -> None:
    found = stylise(squares(), stripes(), StyliseSettings(weights=WEIGHTS, steps=1), parts)
    assert found.before["gram"] == pytest.approx(1)
    assert found.before["features"] == 0
    assert found.before["total_variation"] == pytest.approx(1)

    def distance(picture: ByteArray) -> float:
        """By hand, after Johnson et al. 2016, equation 4."""
        assert parts.features is not None
        layers = [parts.features(from_uint8(each[None])) for each in (picture, stripes())]
        one, other = (gram(layer if isinstance(layer, Tensor) else layer[0]) for layer in layers)
        return float((one - other).square().sum())

    assert found.terms["gram"] == pytest.approx(distance(found.picture) / distance(squares()), rel=1e-4)
    grey = torch.full((1, 3, 40, 48), float(from_uint8(squares()[None]).mean()))
    library, content = make_losses({"features": 1}, parts), from_uint8(squares()[None])
    reached, lost = (float(library(each, content).total) for each in (from_uint8(found.picture[None]), grey))
    assert found.terms["features"] == pytest.approx(reached / lost, rel=1e-3)


def test_the_best_look_is_kept_where_the_last_is_worse(parts: Parts) -> None:
    """Steps so long that descent ends far from where it was best."""
    settings = StyliseSettings(weights=WEIGHTS, steps=6, optimizer="adam", rate=1.5)
    found = stylise(squares(), stripes(), settings, parts)
    assert found.losses[-1] > min(found.losses)
    assert found.losses[found.best] == min(found.losses)
    total = sum(WEIGHTS[name] * value for name, value in found.terms.items())
    assert total == pytest.approx(min(found.losses), rel=0.02)  # rounded to levels


def test_a_picture_in_its_own_manner_stays_as_it_is(parts: Parts) -> None:
    found = stylise(squares(), squares(), StyliseSettings(weights={"gram": 1.0, "features": 1.0}, steps=3), parts)
    np.testing.assert_array_equal(found.picture, squares())


def test_from_noise_a_picture_in_its_own_manner_gets_that_manner(parts: Parts) -> None:
    found = stylise(stripes(), stripes(), StyliseSettings(weights={"gram": 1.0}, steps=15, start="noise"), parts)
    assert found.before["gram"] == pytest.approx(1)
    assert found.terms["gram"] < 0.6


@pytest.mark.parametrize("level", [21, 251])
def test_a_flat_picture_gets_the_manner_too(level: int, parts: Parts) -> None:
    """Grey of its mean level is the picture itself, but for rounding, of which nothing is a multiple."""
    flat = np.full((40, 48, 3), level, np.uint8)
    layer = parts.features
    assert layer is not None

    def loud(picture: Tensor) -> Tensor:
        found = layer(picture)
        return 30 * (found if isinstance(found, Tensor) else found[0])

    found = stylise(flat, stripes(), StyliseSettings(weights=WEIGHTS, steps=15), Parts(features=loud))
    assert found.terms["gram"] < 0.6
    assert found.terms["features"] < 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"steps": 0}, "steps"), ({"optimizer": "sgd"}, "optimizer"), ({"start": "grey"}, "start"), ({"rate": 0}, "rate")],
)
def test_settings_that_would_fail_later_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        StyliseSettings(**{"weights": WEIGHTS, **changes})


def test_what_cannot_be_compared_is_refused(parts: Parts) -> None:
    with pytest.raises(DataError, match=r"style: sides must be >= 32 px, got 48 x 16"):
        stylise(squares(), squares()[:16], StyliseSettings(weights=WEIGHTS), parts)
    with pytest.raises(ConfigError, match="unknown name 'gram:vgg19'"):
        stylise(squares(), stripes(), StyliseSettings(weights={"gram:vgg19": 1.0}), parts)
