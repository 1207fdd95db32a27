"""Pairs of rendered rooms: every lamp off, some of them on, and the very light that they add.

Each place of training has a room of its own, so that nothing can be learned by heart; a room is (seed, place) alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from higan_cam.generate.images import from_uint8
from higan_cam.rooms.photos import photo_latent
from higan_cam.rooms.scene import scene_of
from higan_cam.rooms.switched import DRAWS, lamps_on, switch_on, whole
from higan_cam.train.draws import stream
from higan_cam.train.translator.pairs import Batch, gains_of, mirrored

TRAINING_SEED = 2**61 + 2**40
"""With the training's own seed added: no run has it, and no photo that figures are reported on."""
NONE = 1 / 16
"""Share of the rooms in which no lamp comes on, and no mask is shown: no light."""
_LAMPS = 2
"""Stream of random numbers."""


@dataclass(frozen=True)
class RenderedPairs:
    """Rooms of `side` px, drawn as they are asked for."""

    side: int
    seed: int
    dial: bool
    mirror: bool

    def draw(self, places: range) -> Batch:
        """See `pairs.Pairs`."""
        scene = whole(scene_of(np.stack([photo_latent(TRAINING_SEED + self.seed, place) for place in places])))
        draws = np.stack([stream(self.seed, place, _LAMPS).random(DRAWS + 3) for place in places])
        burning = np.stack([lamps_on(there > 0, each) for there, each in zip(scene.present, draws, strict=True)])
        burning[draws[:, DRAWS] < NONE] = False
        rooms, gains = switch_on(scene, burning, self.side), torch.from_numpy(gains_of(draws[:, -1], self.dial))
        batch = Batch(from_uint8(rooms.unlit), rooms.shades, gains, rooms.light * gains[:, None, None, None])
        return mirrored(batch, torch.from_numpy(draws[:, -2] < 0.5)) if self.mirror else batch
