"""What is known of faces: their properties, their parts, and where a picture answers to a factor."""

from __future__ import annotations

import numpy.typing as npt
import torch
from torch import Tensor

from higan_cam.faces.labels import label_map
from higan_cam.faces.render import render
from higan_cam.faces.scene import PROPERTIES, Scene, as_scene, span
from higan_cam.worlds import face_parts
from higan_cam.worlds.factors import Float32Array

PARTS = {
    "skin": ("skin",),
    "brows": ("brow_left", "brow_right"),
    "eyes": ("eye_left", "eye_right"),
    "nose": ("nose",),
    "mouth": ("upper_lip", "inner_mouth", "lower_lip"),
    "hair": ("hair",),
    "background": ("background",),
}
"""Parts by the labels that they consist of."""
CHANGED = 0.05
"""A pixel answers where it changes by more than this share of black to white."""


def properties(source: Scene | npt.ArrayLike) -> dict[str, Float32Array]:
    """{name: (N,)} true values of the properties and of `glasses`: in [0,1], `yaw` in [-1,1]."""
    scene = as_scene(source)
    return {name: scene.column(name) for name in (*PROPERTIES, "glasses")}


def part_masks(source: Scene | npt.ArrayLike, resolution: int = 128) -> dict[str, Tensor]:
    """{name of `PARTS`: (N,R,R) bool} where each part is seen."""
    labels = label_map(source, resolution)
    return {
        name: torch.isin(labels, torch.tensor([face_parts.PARTS.index(each) for each in of], dtype=torch.uint8))
        for name, of in PARTS.items()
    }


def change(source: Scene | npt.ArrayLike, name: str, resolution: int = 128) -> Tensor:
    """(N,R,R) in [0,1]: how far each pixel moves, as a mean over its channels, from one end of a factor to the other.

    All other factors stay as they are.

    Raises:
        KeyError: there is no such factor.
    """
    scene = as_scene(source)
    low, high = (render(scene.with_value(name, end), resolution) for end in span(name))
    return (high - low).abs().mean(dim=1) / 2


def changed(source: Scene | npt.ArrayLike, name: str, resolution: int = 128) -> Tensor:
    """(N,R,R) bool: where the picture answers to this factor alone; see `change`."""
    return change(source, name, resolution) > CHANGED
