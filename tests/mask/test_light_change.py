"""The change of light, on pictures whose light is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.losses.light import REC_709, linear_light
from higan_cam.mask.light_change import NEIGHBOURHOOD, ColourChange, LightChange, LightSteps
from higan_cam.types import FloatArray, Sign, SynthesisState
from tests.mask.test_planted import PLACES, SCORER, SIDE, Planted, ends, features
from tests.support.scorers import Pair, SmoothScore


def grey(light: float) -> Tensor:
    """A pixel of this linear luminance, display value in [-1,1]: sRGB's curve, the other way round."""
    display = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return torch.full((1, 3, 1, 1), 2 * display - 1)


def planted_light(amount: float) -> FloatArray:
    """(SIDE,SIDE) linear luminance of the planted picture."""
    display = (features(torch.tensor([amount])).sum(dim=1)[0].numpy() + 0.5) / 2
    light: FloatArray = ((display + 0.055) / 1.055) ** 2.4
    return light


def with_surroundings(change: FloatArray) -> FloatArray:
    """d + G * d with scipy's Gaussian, peak 1."""
    heat = change + gaussian_filter(change.astype(np.float64), NEIGHBOURHOOD * SIDE, mode="nearest", truncate=3)
    scaled: FloatArray = heat / heat.max()
    return scaled


@pytest.mark.parametrize("light", [0.0, 0.001, 0.02, 0.214, 1.0])
def test_light_is_read_off_the_display_value(light: float) -> None:
    assert linear_light(grey(light)).item() == pytest.approx(light, abs=1e-6)


def test_green_carries_most_light_and_what_a_screen_cannot_show_is_cut() -> None:
    assert linear_light(2 * torch.eye(3)[:, :, None, None] - 1).flatten().tolist() == pytest.approx(
        [0.2126, 0.7152, 0.0722]
    )
    assert linear_light(torch.full((1, 3, 1, 1), 7.0)).item() == pytest.approx(1)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("sign", ["positive", "negative", "both"])
def test_the_planted_answer_is_met_in_every_pixel(sign: Sign, steps: int) -> None:
    levels = np.stack([planted_light(amount) for amount in np.linspace(-1, 1, steps + 1)])
    change = np.diff(levels, axis=0)
    change = {"positive": np.maximum(change, 0), "negative": np.maximum(-change, 0), "both": abs(change)}[sign]
    heat = LightSteps(steps, SIDE, sign)(Planted(), SCORER, *ends())[0].numpy()
    np.testing.assert_allclose(heat, with_surroundings(change.max(axis=0)), atol=2e-3)
    lit = [heat[place].mean() > 0.5 for place in PLACES]
    assert lit == [sign != "negative", sign != "negative", sign != "positive"]


def display(light: Tensor) -> Tensor:
    """Linear values -> display values in [-1,1]: sRGB's curve, the other way round."""
    return 2 * (1.055 * light ** (1 / 2.4) - 0.055) - 1


def turned(red: float) -> tuple[Tensor, Tensor]:
    """A grey wall, and the same with its left half redder (linear) and as much less green as keeps its luminance."""
    wall = torch.full((1, 3, SIDE, SIDE), 0.2)
    warm = wall.clone()
    warm[:, 0, :, : SIDE // 2] += red
    warm[:, 1, :, : SIDE // 2] -= red * REC_709[0] / REC_709[1]
    return display(wall), display(warm)


def test_a_hue_that_turns_at_one_luminance_is_change_of_colour_and_not_of_light() -> None:
    before, after = turned(0.1)
    assert (linear_light(after) - linear_light(before)).abs().max() < 1e-6
    heat = ColourChange(SIDE).between(before, after)[0]
    assert heat[:, : SIDE // 2].min() > 0.999
    assert heat[:, SIDE // 2 :].max() < 1e-4


def test_colour_that_is_gained_and_colour_that_is_lost_are_told_apart_by_channel() -> None:
    before, after = turned(0.1)
    gained, lost = (ColourChange(SIDE, sign) for sign in ("positive", "negative"))
    torch.testing.assert_close(gained.between(before, after), lost.between(after, before))
    white, black = torch.ones(1, 3, SIDE, SIDE), torch.full((1, 3, SIDE, SIDE), -1.0)
    assert gained.between(white, black).max() == 0
    assert lost.between(white, black).min() == 1


class SwitchAndDrift(Planted):
    """Linear light 0.1 to 0.5: evenly along the edit on the left; on the right all at once, a quarter of the way up."""

    def synthesize(
        self,
        w_plus: Tensor,
        taps: object = (),  # noqa: ARG002
        start: SynthesisState | None = None,  # noqa: ARG002
    ) -> tuple[Tensor, dict[int, Tensor]]:
        pictures = []
        for amount in w_plus[:, 0, 0].tolist():
            left, right = grey(0.3 + 0.2 * amount), grey(0.5 if amount > 0.5 else 0.1)
            pictures.append(torch.cat([part.expand(1, 3, SIDE, SIDE // 2) for part in (left, right)], dim=3))
        return torch.cat(pictures), {}


def test_in_steps_what_switches_stands_out_from_what_drifts() -> None:
    at_once, in_steps = (LightSteps(steps, SIDE)(SwitchAndDrift(), SCORER, *ends())[0] for steps in (1, 8))
    assert at_once[:, :8].mean() == pytest.approx(1, abs=1e-3)
    assert in_steps[:, :8].mean() == pytest.approx(1 / 8, abs=1e-3)
    assert in_steps[:, -8:].mean() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("steps", [1, 4])
def test_swapped_ends_have_the_same_light_to_change(steps: int, generator: StyleGAN2, pair: Pair) -> None:
    there, back = (LightSteps(steps, 16)(generator, SmoothScore(), *codes) for codes in (pair, pair[::-1]))
    torch.testing.assert_close(back, there, atol=1e-4, rtol=0)
    brighter = LightSteps(steps, 16, "positive")(generator, SmoothScore(), *pair)
    darker = LightSteps(steps, 16, "negative")(generator, SmoothScore(), *pair[::-1])
    torch.testing.assert_close(darker, brighter, atol=1e-4, rtol=0)


def test_one_step_is_the_change_between_the_ends_whose_pictures_may_exist_already(
    generator: StyleGAN2, pair: Pair
) -> None:
    change = LightChange(16)
    heat = change(generator, SmoothScore(), *pair)
    images = [generator.synthesize(code)[0] for code in (pair.negative, pair.positive)]
    torch.testing.assert_close(change.between(*images), heat, atol=1e-5, rtol=0)
    torch.testing.assert_close(LightSteps(1, 16)(generator, SmoothScore(), *pair), heat, atol=1e-5, rtol=0)
