"""Losses with weights: sums of terms, a picture at a time, against a target that is read once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, DataError, HiganCamError
from higan_cam.losses import LOSSES, PROFILES, Measured, Parts, make_losses, make_profile
from tests.losses.networks import small_features
from tests.support.reference2 import draw

CHEAP = [name for name in LOSSES if ":" not in name]
"""Those that need no file."""
COUNT, ROWS = 3, 4
PICTURES, TARGETS = (draw(f"weighted/{name}", (COUNT, 3, 16, 16)).double().sigmoid() for name in ("a", "b"))
CODES, STARTS = (draw(f"weighted/{name}", (COUNT, ROWS, 5)).double() for name in ("codes", "starts"))
NOISE = [draw(f"weighted/noise{side}", (COUNT, 1, side, side)).double() for side in (4, 16)]


def measured(name: str, parts: Parts, rows: slice = slice(None), picture: Tensor = PICTURES) -> Measured:
    losses = make_losses({name: 1}, parts)
    noise = [each[rows] for each in NOISE]
    return losses(picture[rows], TARGETS[rows], w_plus=CODES[rows], start=STARTS[rows], noise=noise)


@pytest.mark.parametrize("name", CHEAP)
def test_a_picture_does_not_depend_on_its_neighbours(name: str, parts: Parts) -> None:
    together = measured(name, parts).total
    assert together.shape == (COUNT,)
    for row in range(COUNT):
        torch.testing.assert_close(measured(name, parts, slice(row, row + 1)).total[0], together[row])


@pytest.mark.parametrize("name", ["features", "lpips:alex", "features:vgg16"])
def test_a_picture_has_the_same_bits_beside_other_neighbours(name: str, parts: Parts) -> None:
    pictures, targets = (each.float().repeat(1, 1, 2, 2).requires_grad_() for each in (PICTURES, TARGETS))
    others = torch.cat([pictures[:1], targets[1:]]).detach().requires_grad_()
    aim = make_losses({name: 1}, parts).against(targets)
    totals = [aim(each).total for each in (pictures, others)]
    gradients = [
        torch.autograd.grad(total.sum(), each)[0] for total, each in zip(totals, (pictures, others), strict=True)
    ]
    assert totals[0][0] == totals[1][0]
    assert torch.equal(gradients[0][0], gradients[1][0])


def test_total_is_the_weighted_sum_of_the_terms(parts: Parts) -> None:
    weights = {"pixel": 2.0, "features": 0.5, "delta": 3.0, "noise_regulariser": 0.25}
    total, terms = make_losses(weights, parts)(PICTURES, TARGETS, w_plus=CODES, noise=NOISE)
    assert list(terms) == list(weights)
    torch.testing.assert_close(total, sum(weight * terms[name] for name, weight in weights.items()))


def test_noise_that_all_pictures_share_counts_for_each() -> None:
    shared = [draw("weighted/shared", (1, 1, 8, 8))]
    total, _ = make_losses({"noise_regulariser": 1})(PICTURES, TARGETS, noise=shared)
    assert total.tolist() == [total[0].item()] * COUNT


def test_the_target_is_read_once_and_without_gradient() -> None:
    calls: list[bool] = []

    def features(picture: Tensor) -> tuple[Tensor, Tensor]:
        calls.append(torch.is_grad_enabled())
        return small_features(picture)

    aim = make_losses({"features": 1}, Parts(features)).against(TARGETS.clone().requires_grad_())
    assert calls == [False]
    for _ in range(3):
        aim(PICTURES)
    assert calls == [False, True, True, True]
    assert not any(part.requires_grad for part in aim.read["features"])


@pytest.mark.parametrize("index", [torch.tensor([2, 0]), torch.tensor([True, False, True])])
def test_pictures_that_are_done_can_leave(index: Tensor, parts: Parts) -> None:
    weights = {"pixel": 1.0, "features": 1.0, "gram": 1.0, "identity": 1.0, "code": 1.0}
    aim = make_losses(weights, parts).against(TARGETS, start=STARTS)
    whole = aim(PICTURES, w_plus=CODES).total
    torch.testing.assert_close(aim.rows(index)(PICTURES[index], w_plus=CODES[index]).total, whole[index])


def test_a_term_of_weight_0_is_told_and_moves_nothing() -> None:
    picture = PICTURES.clone().requires_grad_()
    total, terms = make_losses({"pixel": 1, "light": 0})(picture, TARGETS)
    assert torch.equal(total, terms["pixel"])
    assert not terms["light"].requires_grad
    assert (terms["light"] > 0).all()


def test_networks_find_the_target_where_a_picture_does_not_reach(parts: Parts) -> None:
    seen = torch.zeros(COUNT, 1, 16, 16)
    seen[:, :, :, :8] = 1
    beyond = torch.where(seen > 0, TARGETS, 100.0)
    weights = dict.fromkeys(("pixel", "light", "features", "gram", "identity"), 1.0)
    assert make_losses(weights, parts)(beyond, TARGETS, seen=seen).total.tolist() == pytest.approx(
        [0] * COUNT, abs=1e-9
    )


def test_half_precision_is_summed_in_float32() -> None:
    total, _ = make_losses({"pixel": 1})(PICTURES.bfloat16(), TARGETS.bfloat16())
    assert total.dtype == torch.float32
    torch.testing.assert_close(total.double(), measured("pixel", Parts()).total, rtol=1e-2, atol=0)


def test_clamped_pictures_have_no_gradient_beyond_the_range() -> None:
    picture = torch.tensor([-2.0, 0.0, 2.0]).expand(1, 3, 1, 3).clone().requires_grad_()
    for clamp, still in ((True, True), (False, False)):
        total, _ = make_losses({"pixel": 1}, clamp=clamp)(picture, torch.zeros(1, 3, 1, 3))
        (gradient,) = torch.autograd.grad(total.sum(), picture)
        assert (gradient[..., 0] == 0).all().item() is still


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"pixl": 1}, "losses: unknown name 'pixl'.*Did you mean 'pixel'"),
        ({"features:vgg61": 1}, "Did you mean 'features:vgg16'"),
        ({"pixel": -1}, r"losses\.pixel: weight must be finite and >= 0, got -1"),
        ({"pixel": float("nan")}, "got nan"),
        ({"pixel": 0}, "nothing to minimise"),
        ({}, "nothing to minimise"),
        ({"features": 1}, r"need a network; give Parts\(features=NETWORK\).*vgg16"),
        ({"identity": 1}, r"Parts\(identity=NETWORK\)"),
        ({"prior": 1}, r"Parts\(spread=SPREAD\)"),
        ({"features:vgg16": 1}, r"vgg16-397923af\.pth.*files=\{'vgg16': FILE\}"),
        ({"lpips:alex": 1}, r"lpips/weights/v0\.1/alex\.pth"),
    ],
)
def test_what_cannot_be_made_is_said(weights: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make_losses(weights)


def test_a_side_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="side must be >= 1 px, got 0"):
        make_losses({"pixel": 1}, side=0)


@pytest.mark.parametrize(
    ("name", "says"),
    [("delta", "looks at w_plus"), ("code", "looks at start"), ("noise_regulariser", "looks at noise")],
)
def test_what_a_term_looks_at_has_to_be_there(name: str, says: str, parts: Parts) -> None:
    with pytest.raises(ConfigError, match=says):
        make_losses({name: 1}, parts)(PICTURES, TARGETS)


def test_pictures_have_the_shape_of_their_targets() -> None:
    with pytest.raises(DataError, match=r"\(3, 3, 16, 16\) against targets \(1, 3, 16, 16\)"):
        make_losses({"pixel": 1})(PICTURES, TARGETS[:1])


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_measures_pictures(name: str, parts: Parts) -> None:
    picture, target = PICTURES[:1].float().repeat(1, 1, 2, 2), TARGETS[:1].float().repeat(1, 1, 2, 2)
    noise = [each[:1].float() for each in NOISE]
    total, terms = make_profile(name, parts)(picture, target, w_plus=CODES[:1], noise=noise)
    assert list(terms) == list(PROFILES[name].weights)
    assert total.item() > 0


def test_an_unknown_profile_is_an_error_of_ours() -> None:
    with pytest.raises(HiganCamError, match="Did you mean 'projector'"):
        make_profile("projektor")
