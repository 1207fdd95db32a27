"""Where absent lamps could hang, as the job measures it: the heat of similar rooms beats a student that says no."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.images import to_uint8
from higan_cam.mask.student import Student, StudentNetwork
from higan_cam.rooms import render, scene_of, truth
from higan_cam.rooms.photos import photo_latent
from higan_cam.train.student.lessons import Lesson, lesson_of
from jobs.evaluate_student import _absent

SEED, COUNT = 2**61 + 6, 4


class Nothing(StudentNetwork):
    """Sees no lamp anywhere."""

    def forward(self, image: Tensor) -> Tensor:
        return torch.full((len(image), 2, 64, 64), -9.0)


def lessons() -> list[Lesson]:
    """Rooms whose heat is the light of all their lamps, without a model."""
    latents = np.stack([photo_latent(SEED + 1, index) for index in range(24)])
    scene = scene_of(latents)
    pictures = to_uint8(render(scene))
    light = truth(replace(scene, drive=np.full_like(scene.drive, -1)), 128).light.sum(dim=1).numpy()
    heats = light / np.maximum(light.max(axis=(1, 2), keepdims=True), 1e-6)
    return [
        lesson_of([one], heat, (heat > 0.25).astype(np.float32), 128) for one, heat in zip(pictures, heats, strict=True)
    ]


def test_similar_rooms_know_more_of_absent_lamps_than_one_that_sees_none() -> None:
    figures = _absent(Student(Nothing((4, 6)), 128), lessons(), COUNT, SEED)
    assert set(figures) == {"mean heat of the run", "heat of the most similar", "student"}
    assert figures["heat of the most similar"]["value"] > figures["student"]["value"] + 0.1
