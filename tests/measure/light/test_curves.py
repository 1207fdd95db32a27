"""Drives are set exactly, and nothing else of a room moves; renders tell their curve."""

from __future__ import annotations

import numpy as np

from higan_cam.measure.light.curves import measure_told, with_drives
from higan_cam.rooms.photos import TUNING_SEED, photo_latent
from higan_cam.rooms.scene import Z_DIM, factors, indices


def test_drives_are_as_asked_and_all_else_stays() -> None:
    latents = [photo_latent(TUNING_SEED, index) for index in range(8)]
    made = [(latent, with_drives(latent, [0.0, 0.5, 1.0])) for latent in latents]
    assert sum(each is not None for _, each in made) > 4
    drive = indices("drive")
    for latent, turned in made:
        if turned is None:
            continue
        values = factors(turned)
        np.testing.assert_allclose(values[:, drive], np.tile([[0.0], [0.5], [1.0]], len(drive)), atol=1e-4)
        others = np.delete(values, drive, axis=1)
        np.testing.assert_allclose(
            others, np.repeat(np.delete(factors(latent[None]), drive, axis=1), 3, axis=0), atol=1e-4
        )
        np.testing.assert_allclose((turned**2).sum(axis=1), Z_DIM, rtol=1e-4)


def test_renders_of_lamps_one_by_one_tell_their_curve() -> None:
    told, asked = measure_told(4, TUNING_SEED)
    assert told == asked > 0
