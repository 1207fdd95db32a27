"""Grey pictures, and samples that have no colour: an RGB generator whose last weights are the same for every channel.

So a generator of one channel is one of three to whatever reads it, `generator.weights` included, and is exactly grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.stylegan2 import ToRgb
from higan_cam.types import ByteArray

COLOURS = ("rgb", "grey")


def grey(image: ByteArray) -> ByteArray:
    """(H,W,3) uint8 RGB -> the same shape: its luma (ITU-R BT.601), three times."""
    luma = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    found: ByteArray = np.repeat(luma[:, :, None], 3, axis=2)
    return found


@torch.no_grad()
def without_colour(generator: nn.Module) -> None:
    """Give the three channels that a StyleGAN2 or DCGAN draws the mean of their weights, in place."""
    for weight, channel in _last_weights(generator):
        weight.copy_(weight.mean(dim=channel, keepdim=True).expand_as(weight))


def _last_weights(generator: nn.Module) -> Iterator[tuple[Tensor, int]]:
    """What draws RGB, and the dimension of its channels."""
    if isinstance(generator, DCGAN):
        yield cast(nn.ConvTranspose2d, generator.main[-1]).weight, 1
    for module in generator.modules():
        if isinstance(module, ToRgb):
            yield from ((module.weight, 3), (module.bias, 0))
