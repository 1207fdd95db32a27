"""Every loss by finite differences, in float64: with respect to the picture, the code or the noise."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from higan_cam.losses import LOSSES, Parts
from higan_cam.losses.loss import Drawn
from higan_cam.losses.named import make_loss
from higan_cam.losses.networks import Networks
from tests.support.reference2 import draw

OF_CODES, OF_NOISE = {"prior", "delta", "code", "code_sum"}, {"noise_regulariser"}
OF_MASKS = {"bce", "dice", "focal"}
LARGE = {"features:vgg16_image2stylegan"}
"""It makes 256 px of any picture: minutes in float64. Its gradient is compared with the published one."""
SIDE = 32
"""The least that five poolings leave something of."""
NAMES = [name for name in LOSSES if name not in LARGE]


@pytest.fixture(scope="module")
def networks(parts: Parts) -> Networks:
    """Trunks in float64; every loss of one file looks through the same."""
    made = Networks(parts)
    for arch in ("alexnet", "vgg16"):
        made.trunk(arch).double()
    made.efficientnet_lite0.double()
    return made


def drawn(name: str, side: int, codes: str) -> Drawn:
    """Pictures inside the range, or logits; codes and noise."""
    picture = draw(f"gradients/{name}", (2, 3, side, side)).double()
    noise = [draw(f"gradients/{name}/noise", (2, 1, side, side)).double()]
    return Drawn(picture if name in OF_MASKS else picture.tanh(), draw(codes, (2, 4, 5)).double(), noise)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name: str, networks: Networks) -> None:
    loss = make_loss(name, networks)
    through_a_trunk = ":" in name
    side = SIDE if through_a_trunk else 6
    now, target = drawn(name, side, "gradients/codes"), drawn(f"{name}/target", side, "gradients/start")
    if name in OF_MASKS:
        target = replace(target, picture=target.picture.sigmoid())
    read = loss.prepare(target)

    def measure(value: Tensor) -> Tensor:
        if name in OF_CODES:
            return loss.measure(replace(now, w_plus=value), *read)
        if name in OF_NOISE:
            return loss.measure(replace(now, noise=[value]), *read)
        return loss.measure(replace(now, picture=value), *read)

    value = now.w_plus if name in OF_CODES else now.noise[0] if name in OF_NOISE else now.picture
    assert value is not None
    # A trunk has too many pixels for each: along random directions there.
    assert torch.autograd.gradcheck(measure, value.clone().requires_grad_(), fast_mode=through_a_trunk)
