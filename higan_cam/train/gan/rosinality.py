"""A trained StyleGAN2 and its discriminator as the file that `stylegan2-pytorch` trains on from, and generates with."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.files import write_whole
from higan_cam.generate import StyleGAN2, load_generator
from higan_cam.generate.base import outer_square
from higan_cam.generate.layouts.rosinality import to_rosinality
from higan_cam.train.gan.discriminators import ResidualDiscriminator
from higan_cam.weights.files import load_tensors
from higan_cam.weights.paths import DISCRIMINATOR
from higan_cam.weights.state_dicts import fill
from higan_cam.weights.zoo import path_of

log = logging.getLogger(__name__)


def export_rosinality(weights: str, output: Path) -> bool:
    """Write `g_ema`, `g`, `latent_avg` and, where a discriminator that fits lies beside the weights, `d`; whether so.

    One that is of another network is left out, which is logged.

    Args:
        weights: as `generator.weights` takes them; a StyleGAN2.
        output: a file of torch.save.

    Raises:
        WeightsError: no StyleGAN2, or one that the layout does not hold.
    """
    generator = load_generator(weights)
    if not isinstance(generator, StyleGAN2):
        raise WeightsError(f"{weights}: is a {type(generator).__name__}; only a StyleGAN2 has that layout")
    state = to_rosinality(generator.state_dict(), weights)
    mean = state.pop("latent_avg")
    saved: dict[str, object] = {"g_ema": state, "g": state, "latent_avg": mean}
    beside = path_of(weights).with_name(DISCRIMINATOR)
    if beside.is_file():
        discriminator = load_tensors(beside)[0]
        try:
            fill(ResidualDiscriminator(generator.channels), discriminator, beside)
        except WeightsError as error:
            log.warning("%s; left out", error)
        else:
            saved["d"] = discriminator_to_rosinality(discriminator)
    body = io.BytesIO()
    torch.save(saved, body)
    write_whole(output, body.getvalue())
    return "d" in saved


def discriminator_to_rosinality(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a `ResidualDiscriminator` -> theirs, whose filters are stored too."""
    kernel = outer_square((0.125, 0.375, 0.375, 0.125))
    found = dict[str, Tensor]()
    for ours, value in state.items():
        theirs = _name(ours)
        found[theirs] = value.contiguous()
        if theirs.endswith((".conv2.1.weight", ".skip.1.weight")):
            found[theirs.replace(".1.weight", ".0.kernel")] = kernel
    return found


def _name(ours: str) -> str:
    part, _, rest = ours.partition(".")
    if part == "blocks":
        number, layer, last = rest.split(".")
        theirs, place = {"first": ("conv1", 0), "second": ("conv2", 1), "skip": ("skip", 1)}[layer]
        return f"convs.{int(number) + 1}.{theirs}.{place if last == 'weight' else place + 1}.{last}"
    if part in ("picture", "last"):
        return f"{'convs.0' if part == 'picture' else 'final_conv'}.{0 if rest == 'weight' else 1}.{rest}"
    return f"final_linear.{('hidden', 'logit').index(part)}.{rest.removeprefix('fc.')}"
