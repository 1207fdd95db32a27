"""Named sets of weights: ours, and those of published optimisers, which parity tests meet.

Published terms are of pictures in [0,1] in places. A squared error there is a quarter of the one in [-1,1], a sum of
differences half of it; the quotients below say so, and leave the published weight to be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from higan_cam.errors import unknown_name
from higan_cam.losses.networks import Parts
from higan_cam.losses.weighted import Losses, make_losses


@dataclass(frozen=True)
class Profile:
    """A set of weights.

    Attributes:
        weights: loss name -> weight.
        clamp, side: see `Losses`.
    """

    weights: Mapping[str, float]
    clamp: bool = False
    side: int | None = None


PROFILES: Mapping[str, Profile] = {
    # Ours: 39.5 dB after 20 steps in w+ from an encoder's start, on renders of the toy rooms; see losses/README.md.
    "default": Profile({"pixel": 1.0, "delta": 0.01}),
    # Abdal et al. 2019 as a public notebook has it: VGG16 without ImageNet's normalisation, pictures clamped.
    "image2stylegan": Profile({"pixel": 1 / 4, "features:vgg16_image2stylegan": 1.0}, clamp=True),
    # An inversion of HiGAN's rooms: LPIPS and a mean total variation, in [-1,1].
    "higan_dev": Profile({"pixel": 1.0, "lpips:alex": 0.8, "total_variation": 1e-4}),
    # The notebook before it: VGG16 and LPIPS are both fed [0,1].
    "encoder_notebook": Profile(
        {
            "pixel": 100 / 4,
            "total_variation_sum": 0.005 / 2,
            "features:vgg16_relu3_3_of_unit": 40.0,
            "lpips:alex_of_unit": 30.0,
        }
    ),
    # Karras et al. 2020 as rosinality's projector has it; its weight of `pixel` is 0 unless asked for.
    "projector": Profile({"lpips:vgg": 1.0, "noise_regulariser": 1e5}, side=256),
}
"""By name."""


def make_profile(name: str, parts: Parts = Parts()) -> Losses:  # noqa: B008 - frozen
    """The losses of a named set.

    Raises:
        ConfigError: an unknown name, or a part that is missing.
        WeightsError: a network's file that is missing or does not fit.
    """
    if name not in PROFILES:
        raise unknown_name("losses", name, PROFILES)
    profile = PROFILES[name]
    return make_losses(profile.weights, parts, clamp=profile.clamp, side=profile.side)
