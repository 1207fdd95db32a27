"""Pictures from generator output."""

from __future__ import annotations

import numpy as np
import torch

from higan_cam.generate import to_uint8


def test_levels_round_half_up_and_clip() -> None:
    values = torch.tensor([-5.0, -1.0, -1 + 0.5 / 127.5, 0.0, 1.0, 5.0])
    image = values.view(1, 1, 1, 6).expand(1, 3, 1, 6)
    assert to_uint8(image)[0, 0, :, 0].tolist() == [0, 0, 1, 128, 255, 255]


def test_channels_come_last_and_in_order() -> None:
    image = torch.stack([torch.full((2, 4), level) for level in (-1.0, 0.0, 1.0)])[None]
    pictures = to_uint8(image)
    assert pictures.shape == (1, 2, 4, 3)
    assert pictures.dtype == np.uint8
    assert pictures[0, 1, 3].tolist() == [0, 128, 255]
