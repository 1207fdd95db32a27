"""What every attribution owes its caller, by name."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from higan_cam.config import AttributionConfig
from higan_cam.errors import ConfigError
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.mask.attribution import ATTRIBUTIONS, OF_CHANGE, SEES, make_attribution, why_nowhere
from higan_cam.mask.heat import ImageAttribution
from higan_cam.mask.image_difference import ImageDifference, luminance
from higan_cam.types import Sign
from tests.support.scorers import EDITED, Pair, SmoothScore

TAPS = EDITED[:2]


@pytest.mark.parametrize("name", OF_CHANGE)
@pytest.mark.parametrize("map_size", [16, 40])
def test_heat_is_in_0_to_1_with_its_peak_at_1(name: str, map_size: int, generator: StyleGAN2, pair: Pair) -> None:
    attribution = make_attribution(AttributionConfig(name=name, map_size=map_size), TAPS)
    heat = attribution(generator, SmoothScore(), *pair)
    assert heat.shape == (3, map_size, map_size)
    assert heat.dtype == torch.float32
    assert not heat.requires_grad
    assert heat.min() >= 0
    assert heat.amax(dim=(1, 2)).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", OF_CHANGE)
def test_what_an_edit_lowers_is_what_its_undoing_raises(name: str, generator: StyleGAN2, pair: Pair) -> None:
    raises, lowers = (
        make_attribution(AttributionConfig(name=name, map_size=16, sign=sign), TAPS)
        for sign in ("positive", "negative")
    )
    undone = raises(generator, SmoothScore(), pair.positive, pair.negative)
    torch.testing.assert_close(lowers(generator, SmoothScore(), *pair), undone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_without_a_sign_asked_for_each_method_takes_its_own(name: str, generator: StyleGAN2, pair: Pair) -> None:
    own = "both" if name in {"image_difference", "light_change", "colour_change", "light_steps"} else "positive"
    heats = [
        make_attribution(AttributionConfig(name=name, map_size=16, sign=sign), TAPS)(generator, SmoothScore(), *pair)
        for sign in ("auto", own)
    ]
    assert torch.equal(*heats)


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_a_sample_gets_the_same_heat_in_any_batch(name: str, generator: StyleGAN2, pair: Pair) -> None:
    attribution = make_attribution(AttributionConfig(name=name, map_size=16), TAPS)
    together = attribution(generator, SmoothScore(), *pair)
    alone = attribution(generator, SmoothScore(), pair.negative[1:2], pair.positive[1:2])
    torch.testing.assert_close(alone[0], together[1], atol=1e-3, rtol=0)


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"attribution\.name: unknown name 'gradcam'.*Did you mean 'grad_cam'"):
        make_attribution(AttributionConfig(name="gradcam"), TAPS)


@pytest.mark.parametrize("name", ["activation_difference", "grad_cam", "hires_cam", "layer_cam"])
def test_a_method_that_taps_layers_needs_some(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"attribution\.layers: {name} taps generator layers and got none"):
        make_attribution(AttributionConfig(name=name), ())


@pytest.mark.parametrize(
    ("name", "sign", "expected"),
    [
        ("path", "auto", "the edit raises the attribute in no place by more than rounding"),
        ("jvp", "negative", "the edit lowers the attribute in no place by more than rounding"),
        ("grad_cam", "both", "the edit changes the attribute in no place by more than rounding"),
        ("light_change", "auto", "the edit brightens or darkens no place by more than rounding"),
        ("light_steps", "negative", "the edit darkens no place by more than rounding"),
        ("image_difference", "positive", "the edit brightens no place by more than rounding"),
        ("activation_difference", "auto", "the generator's features grow in no place by more than rounding"),
        ("activation_difference", "negative", "the generator's features shrink in no place by more than rounding"),
    ],
)
def test_nothing_found_is_said_in_the_methods_own_terms(name: str, sign: Sign | Literal["auto"], expected: str) -> None:
    assert why_nowhere(AttributionConfig(name=name, sign=sign)) == expected


def test_every_method_has_words_for_nothing_and_only_those_that_see_the_score_speak_of_it() -> None:
    assert set(SEES) == set(ATTRIBUTIONS)
    for name in OF_CHANGE:
        words = [why_nowhere(AttributionConfig(name=name, sign=sign)) for sign in ("positive", "negative", "both")]
        assert len(set(words)) == 3
        assert all(("attribute" in said) == (SEES[name] == "score") for said in words)


def test_luminance_weighs_green_most_and_sees_the_picture_as_published() -> None:
    colours = torch.eye(3)[:, :, None, None]
    assert luminance(colours)[:, 0, 0].tolist() == pytest.approx([0.299, 0.587, 0.114])
    assert luminance(torch.full((1, 3, 1, 1), 9.0)).item() == pytest.approx(1)


def test_image_difference_has_no_direction(generator: StyleGAN2, pair: Pair) -> None:
    there = ImageDifference(16)(generator, SmoothScore(), pair.negative, pair.positive)
    back = ImageDifference(16)(generator, SmoothScore(), pair.positive, pair.negative)
    torch.testing.assert_close(back, there, atol=1e-5, rtol=0)


def test_image_difference_gives_the_same_map_from_images_that_exist_already(generator: StyleGAN2, pair: Pair) -> None:
    attribution = ImageDifference(64)
    images = [generator.synthesize(code)[0] for code in (pair.negative, pair.positive)]
    torch.testing.assert_close(attribution.between(*images), attribution(generator, SmoothScore(), *pair))
    assert isinstance(attribution, ImageAttribution)
