"""Real photographs are no rooms: the embedded generator cannot draw them, and says so."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor

from higan_cam.config.pictures import InvertConfig
from higan_cam.generate import from_uint8, load_generator, sample_latents
from higan_cam.invert import code_statistics, invert_pictures

LOWEST = 21.5
"""dB: what the embedded generator's calibration gives (higan_cam/invert/README.md)."""


def square(photograph: np.ndarray, side: int) -> np.ndarray:
    height, width = photograph.shape[:2]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    middle = photograph[top : top + least, left : left + least]
    return np.asarray(cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA))


def test_a_temple_and_a_flower_are_poor_and_a_room_is_not() -> None:
    generator = load_generator("rooms")
    photographs = [square(one, generator.resolution) for one in load_sample_images().images]
    with torch.no_grad():
        latents = torch.from_numpy(sample_latents([3], 11, generator.z_dim))
        room: Tensor = generator.synthesize(generator.truncate(generator.map(latents)))[0].clamp(-1, 1)
    pictures = torch.cat([room, from_uint8(np.stack(photographs))])
    config = InvertConfig(method="optimise", steps=25, min_psnr=LOWEST)
    found = invert_pictures(generator, pictures, config, code_statistics(generator, samples=2000))
    assert found.verdict == ("ok", "poor", "poor")
    assert all("below 21.5 dB" in reason for reason in found.reason[1:])
