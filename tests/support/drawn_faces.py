"""Faces of a few ellipses in flat colours, and a segmenter that knows the parts by their colour."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from higan_cam.label.segmenters import Segmentation
from higan_cam.types import ByteArray
from higan_cam.worlds.face_parts import PARTS

COLOURS = torch.tensor(
    [
        *((0.9, 0.9, 0.9), (0.8, 0.6, 0.5), (0.3, 0.2, 0.1), (0.1, 0.2, 0.3), (0.1, 0.9, 0.9), (0.2, 0.2, 0.9)),
        *((0.9, 0.7, 0.1), (0.9, 0.2, 0.3), (0.1, 0.0, 0.0), (0.6, 0.0, 0.6), (0.4, 0.4, 0.0)),
    ]
)
"""(11,3) in [0,1], one a part, none near another."""


def drawn_labels(
    side: int = 128,
    *,
    roll: float = 0.0,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
    eyes: float = 0.4,
    mouth: float = 0.5,
    turn: float = 0.0,
    hair: float = 0.5,
) -> ByteArray:
    """(side,side) labels of `PARTS`: a face rolled (degrees, clockwise in the picture), scaled, and shifted (x, y).

    Lengths are in halves of the picture: the eyes are 0.4 apart at -0.1, 0.16 wide and `eyes` times that high; the
    mouth opens 0.2 times `mouth`; the nose lies 0.2 times `turn` from the middle; hair hangs down to `hair`.
    """
    at = (np.arange(side) + 0.5) / side * 2 - 1
    px, py = np.meshgrid((at - shift[0]) / scale, (at - shift[1]) / scale)
    angle = np.deg2rad(roll)
    x, y = px * np.cos(angle) + py * np.sin(angle), py * np.cos(angle) - px * np.sin(angle)
    labels = np.zeros((side, side), np.uint8)

    def ellipse(part: str, centre: tuple[float, float], half: tuple[float, float]) -> None:
        inside = ((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 < 1
        labels[inside] = PARTS.index(part)

    labels[(np.abs(x) < 0.5) & (y > -0.7) & (y < hair)] = PARTS.index("hair")
    ellipse("skin", (0, 0), (0.42, 0.6))
    for name, sign in (("left", -1), ("right", 1)):
        ellipse(f"brow_{name}", (sign * 0.2, -0.24), (0.1, 0.02))
        ellipse(f"eye_{name}", (sign * 0.2, -0.1), (0.08, 0.08 * eyes))
    ellipse("nose", (0.2 * turn, 0.08), (0.06, 0.1))
    for part, sign in (("upper_lip", -1), ("lower_lip", 1)):
        ellipse(part, (0, 0.32 + sign * 0.1 * mouth), (0.17, 0.04))
    if mouth > 0.01:
        ellipse("inner_mouth", (0, 0.32), (0.13, 0.1 * mouth))
    return labels


def picture_of(labels: ByteArray) -> Tensor:
    """(H,W) labels -> (1,3,H,W) in [-1,1]: each part in its colour."""
    return 2 * COLOURS[torch.from_numpy(labels).long()].permute(2, 0, 1)[None] - 1


class ColourSegmenter(torch.nn.Module):
    """The parts by their colours, softly; differentiable. `calls` counts pictures' batches that it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def segment(self, image: Tensor) -> Segmentation:
        self.calls += 1
        crop = ((image + 1) / 2).clamp(0, 1)
        away = (crop[:, None] - COLOURS[None, :, :, None, None].to(crop)).square().sum(dim=2)
        shares = (-200 * away).softmax(dim=1)
        height, width = image.shape[2:]
        boxes = torch.tensor([[0.0, 0.0, width, height]]).expand(len(image), 4)
        labels = shares.argmax(dim=1).to(torch.uint8)
        return Segmentation(shares, labels, crop, boxes, ("",) * len(image))
