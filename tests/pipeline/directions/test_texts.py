"""Pictures moved towards a text: the published optimisation step for step, and ours by what it must do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.config import RunConfig
from higan_cam.errors import ConfigError
from higan_cam.invert.descent import Plan
from higan_cam.invert.schedules import SCHEDULES
from higan_cam.losses import face_crop
from higan_cam.pipeline import Models
from higan_cam.pipeline.directions.texts import TextSettings, Wish, agreement, move_to_text, text_direction
from tests.support.reference2 import draw
from tests.support.styleclip import area_resampled


def tiny(codes: Tensor) -> Tensor:
    """The reference's generator of 32 px: two of its four layers double."""
    x = draw("tiny/const", (1, 6, 8, 8)).expand(len(codes), -1, -1, -1)
    for row in range(4):
        weight, bias = 0.3 * draw(f"tiny/style{row}.weight", (12, 8)), 0.1 * draw(f"tiny/style{row}.bias", (12,))
        style = codes[:, row] @ weight.T + bias
        if row in (2, 3):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = F.leaky_relu(F.conv2d(x, (2 / 54) ** 0.5 * draw(f"tiny/conv{row}.weight", (6, 6, 3, 3)), padding=1), 0.2)
        x = x * (1 + style[:, :6, None, None]) + style[:, 6:, None, None]
    return F.conv2d(x, 0.4 * draw("tiny/rgb.weight", (3, 6, 1, 1)))


def see(picture: Tensor) -> Tensor:
    pooled = F.adaptive_avg_pool2d(area_resampled(picture), 14).flatten(1)
    found: Tensor = pooled @ (draw("clip/image_small", (16, 588)) / 588**0.5).T
    return found


def identity(picture: Tensor) -> Tensor:
    pooled = F.adaptive_avg_pool2d(face_crop(picture), 7).flatten(1)
    found: Tensor = pooled @ (draw("id/image_small", (16, 147)) / 147**0.5).T
    return found


@pytest.mark.parametrize("name", ["l2_only", "l2_and_identity", "long_lr"])
def test_the_published_optimisation_is_met_step_for_step(name: str, shared: Path) -> None:
    folder = shared / "reference2"
    if not folder.is_dir():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    record = json.loads((folder / "saliency.json").read_text())[f"styleclip_{name}"]
    with np.load(folder / "saliency.npz", allow_pickle=False) as stored:
        start = torch.from_numpy(stored["styleclip_start"])
        before, edited, code = (
            torch.from_numpy(stored[f"styleclip_{name}_{part}"])
            for part in ("original", "edited", "latent_of_that_image")
        )
    steps = record["steps"]
    settings = TextSettings(
        code="sum",
        code_weight=record["l2_lambda"],
        identity_weight=record["id_lambda"],
        rate=record["lr"],
        # What is published is the picture of the code before the last step.
        plan=Plan(steps - 1, lambda step, _: SCHEDULES["styleclip"].share(step, steps), keep="last"),
    )
    found = move_to_text(tiny, start, Wish(see, draw("clip/text_small", (1, 16))), settings, identity)
    torch.testing.assert_close(tiny(start)[0], before, rtol=0, atol=1e-3)
    torch.testing.assert_close(found.w_plus, code, rtol=0, atol=1e-3)
    torch.testing.assert_close(tiny(found.w_plus)[0], edited, rtol=0, atol=1e-3)


COLOURS = torch.eye(3)


def flat(codes: Tensor) -> Tensor:
    """A picture of one colour: the mean of its two rows."""
    return codes.mean(dim=1)[:, :, None, None].expand(-1, -1, 4, 4)


def mean_colour(picture: Tensor) -> Tensor:
    return picture.mean(dim=(2, 3)) + 1


GREY = torch.full((2, 2, 3), 0.1)
SHORT = Plan(40, SCHEDULES["styleclip"].share)


def test_the_asked_colour_comes_and_rows_that_are_not_asked_stay() -> None:
    settings = TextSettings(rows=(1,), code_weight=0, plan=SHORT)
    found = move_to_text(flat, GREY, Wish(mean_colour, COLOURS[:1], COLOURS[1:2]), settings)
    colour = flat(found.w_plus)[:, :, 0, 0]
    assert (colour[:, 0] - colour[:, 1]).min() > 0.2
    torch.testing.assert_close(colour[:, 2], GREY[:, 0, 2], rtol=0, atol=0.05)
    assert torch.equal(found.w_plus[:, 0], GREY[:, 0])
    assert found.terms["text"].max() < 0.1


def test_the_step_that_is_kept_is_the_one_with_the_least_loss() -> None:
    settings = TextSettings(code_weight=0.05, rate=2.0, plan=SHORT)
    found = move_to_text(flat, GREY, Wish(mean_colour, COLOURS[:1]), settings)
    least = found.trace.nan_to_num(torch.inf).min(dim=1).values
    kept = found.terms["text"] + 0.05 * found.terms["code"]
    torch.testing.assert_close(kept, least)
    assert (found.step < SHORT.steps).any()


def test_where_nothing_is_to_be_gained_the_start_is_kept() -> None:
    found = move_to_text(flat, GREY, Wish(mean_colour, COLOURS[:1]), TextSettings(code_weight=1e3, plan=SHORT))
    assert found.step.tolist() == [0, 0]
    assert torch.equal(found.w_plus, GREY)


def test_more_weight_on_a_term_leaves_less_of_it() -> None:
    wish = Wish(mean_colour, COLOURS[:1])
    near, far = (
        move_to_text(flat, GREY, wish, TextSettings(code_weight=weight, plan=SHORT)).terms["code"]
        for weight in (0.3, 0.01)
    )
    assert (near < far).all()
    same, other = (
        move_to_text(flat, GREY, wish, TextSettings(identity_weight=weight, plan=SHORT), mean_colour).terms["identity"]
        for weight in (5.0, 0.0)
    )
    assert (same < other).all()


def test_a_pictures_path_is_its_own() -> None:
    starts = torch.stack([GREY[0], GREY[0] - 0.4])
    wish = Wish(mean_colour, COLOURS[:1], COLOURS[1:2])
    both = move_to_text(flat, starts, wish, TextSettings(plan=SHORT)).w_plus
    alone = [move_to_text(flat, one[None], wish, TextSettings(plan=SHORT)).w_plus for one in starts]
    torch.testing.assert_close(both, torch.cat(alone))


class Flat:
    """Codes w of three numbers, drawn as a flat colour; of both rows."""

    def synthesize(self, codes: Tensor) -> tuple[Tensor, None]:
        return flat(codes), None


def coded(count: int) -> Models:
    codes = {index: np.full((2, 3), 0.02 * index, np.float32) for index in range(count)}
    return Models(Flat(), None, torch.device("cpu"), codes)  # type: ignore[arg-type]


def test_the_mean_move_of_several_pictures_is_a_direction_towards_the_text() -> None:
    wish = Wish(mean_colour, COLOURS[:1], COLOURS[1:2])
    found = text_direction(coded(3), RunConfig(), wish, "text_red", range(3), TextSettings(rows=(0,), plan=SHORT))
    assert (found.layers, found.method, found.boundary.attribute) == ((0,), "text", "text_red")
    red, green, blue = found.vector
    assert red > 0.5
    assert green < -0.5
    assert abs(blue) < 0.3
    assert np.linalg.norm(found.vector) == pytest.approx(1)
    assert found.figures["alike"] > 0.95
    assert found.figures["loss"] < found.figures["loss_before"]


@pytest.mark.parametrize(
    ("moves", "alike"),
    [
        (torch.diag(torch.tensor([1.0, 20.0, 0.3, 5.0])), 0),
        (torch.tensor([[1.0, 2.0], [3.0, 6.0]]), 1),
        (torch.tensor([[1.0, 0.0], [-2.0, 0.0]]), -1),
        (torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]]), 1 / 3),
        (torch.tensor([[1.0, 2.0]]), 1),
    ],
)
def test_moves_are_alike_by_their_cosine_with_each_other_and_not_with_themselves(moves: Tensor, alike: float) -> None:
    assert agreement(moves) == pytest.approx(alike, abs=1e-9)


def test_a_text_that_nothing_answers_to_is_refused() -> None:
    settings = TextSettings(code_weight=1e3, plan=SHORT)
    with pytest.raises(ConfigError, match="no sample moved"):
        text_direction(coded(2), RunConfig(), Wish(mean_colour, COLOURS[:1]), "t", range(2), settings)


@pytest.mark.parametrize("changes", [{"code": "square"}, {"code_weight": -1.0}, {"identity_weight": float("nan")}])
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        TextSettings(**changes)  # type: ignore[arg-type]
