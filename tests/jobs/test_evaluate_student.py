"""Where absent lamps could hang, as the job measures it: the heat of similar rooms beats a student that says no."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.mask.student import Student, StudentNetwork
from higan_cam.mask.student.absent import thumbnails
from higan_cam.measure.absent import light_of_layouts
from higan_cam.pipeline.bank import FULL, Bank
from higan_cam.rooms import render, scene_of, truth
from higan_cam.rooms.photos import photo_latent
from jobs.evaluate_student import _absent

SEED, COUNT = 2**61 + 6, 4


class Nothing(StudentNetwork):
    """Sees no lamp anywhere."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.full((len(image), 2, 64, 64), -9.0)


def bank() -> Bank:
    """Rooms whose heat is the light of all their lamps, without a model."""
    latents = np.stack([photo_latent(SEED + 1, index) for index in range(24)])
    scene = scene_of(latents)
    light = truth(replace(scene, drive=np.full_like(scene.drive, -1)), 128).light.sum(dim=1)
    heats = light / light.amax(dim=(1, 2), keepdim=True).clamp_min(1e-6)
    small = F.avg_pool2d(heats, 2)
    return Bank(thumbnails(render(scene)), (FULL * small).round().to(torch.uint8))


def test_similar_rooms_know_more_of_absent_lamps_than_one_that_sees_none() -> None:
    told = {"mean true light of the same layout": light_of_layouts(SEED + 1, 24)}
    figures = _absent(Student(Nothing((4, 6)), 128), bank(), told, COUNT, SEED)
    oracle = "oracle: mean true light of the same layout"
    assert set(figures) == {"mean heat of the run", "heat of the most similar", "student", oracle, "places"}
    assert figures[oracle]["value"] > figures["mean heat of the run"]["value"], "who is told the layout knows more"
    assert figures["heat of the most similar"]["value"] > figures["student"]["value"] + 0.1
    assert figures["places"]["first"]["value"] >= 0.5
