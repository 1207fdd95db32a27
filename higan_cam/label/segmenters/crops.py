"""The crop around the face in each picture, and the map of parts led back to the picture it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.label.preprocess import Preprocess
from higan_cam.label.segmenters.boxes import grown
from higan_cam.label.segmenters.detection import Detector, Faces, WholePicture
from higan_cam.label.segmenters.label_maps import LabelMap
from higan_cam.label.segmenters.segmenter import NO_FACE, SEVERAL_FACES, Segmentation, as_colour
from higan_cam.worlds.face_parts import PARTS


@dataclass(frozen=True, eq=False)
class Crops:
    """The largest face of each of N pictures; see `Segmentation` for what the fields are."""

    pictures: Tensor
    boxes: Tensor
    problems: tuple[str, ...]

    @property
    def found(self) -> Tensor:
        """(N,) bool: where there is a face."""
        return torch.tensor(
            [problem != NO_FACE for problem in self.problems], dtype=torch.bool, device=self.pictures.device
        )


def crops_of(image: Tensor, detector: Detector, side: int | None) -> Crops:
    """The largest face with a quarter of its sides around it, resized whole by a bicubic filter, without aliases.

    Args:
        image: (N,1|3|4,H,W) in [-1,1]. Each crop is differentiable in it.
        side: of the crops, px; None where the whole pictures are to be taken at their own size.

    Raises:
        ValueError: no such pictures.
    """
    pictures = as_colour(image)
    height, width = pictures.shape[2:]
    if isinstance(detector, WholePicture):
        boxes = pictures.new_tensor([[0, 0, width, height]], dtype=torch.float32).expand(len(pictures), -1)
        return Crops(_sized(pictures, side), boxes, ("",) * len(pictures))
    found = detector.faces(pictures)
    boxes = torch.stack([_box(faces, height, width) for faces in found]) if found else pictures.new_zeros((0, 4))
    parts = [_sized(_cut(picture, box), side) for picture, box in zip(pictures.split(1), boxes.tolist(), strict=True)]
    return Crops(
        torch.cat(parts) if parts else _sized(pictures, side), boxes, tuple(_problem(faces) for faces in found)
    )


def segmentation(crops: Crops, likely: Tensor, labels: LabelMap, pose: Tensor | None = None) -> Segmentation:
    """The result for pictures of which only those with a face were looked at.

    Args:
        likely: (M,C,h,w) probabilities of the segmenter's own classes, of the M pictures with a face.
        pose: (M,3) radians of these, or None.
    """
    found = crops.found
    shares = likely.new_zeros((len(found), len(PARTS), *likely.shape[2:]))
    shares[:, 0] = 1
    every = likely.new_full((len(found), 3), torch.nan)
    drawn = torch.zeros((len(found), *likely.shape[2:]), dtype=torch.uint8, device=likely.device)
    drawn[found] = labels.labels(likely.argmax(dim=1))
    where = torch.nonzero(found)[:, 0]
    return Segmentation(
        shares=shares.index_copy(0, where, labels.shares(likely)),
        labels=drawn,
        crop=crops.pictures,
        boxes=crops.boxes,
        problems=crops.problems,
        pose=None if pose is None else every.index_copy(0, where, pose),
    )


def _problem(faces: Faces) -> str:
    return NO_FACE if len(faces.boxes) == 0 else SEVERAL_FACES if len(faces.boxes) > 1 else ""


def _box(faces: Faces, height: int, width: int) -> Tensor:
    """The box of the crop, of whole pixels; that of the whole picture where nothing is to be seen of a face."""
    whole = faces.boxes.new_tensor([0, 0, width, height])
    if len(faces.boxes) == 0:
        return whole
    box = grown(faces.boxes[0], height, width).trunc()
    return box if bool((box[2:] > box[:2]).all()) else whole


def _cut(picture: Tensor, box: Sequence[float]) -> Tensor:
    left, top, right, bottom = (int(side) for side in box)
    return picture[:, :, top:bottom, left:right]


def _sized(pictures: Tensor, side: int | None) -> Tensor:
    """(N,3,H,W) in [-1,1] -> (N,3,side,side) in [0,1]; (N,3,H,W) where no side is wanted."""
    if side is None:
        return ((pictures + 1) / 2).clamp(0, 1)
    if len(pictures) == 0:
        return pictures.new_zeros((0, 3, side, side))
    sized: Tensor = Preprocess((side, side), (0.0,) * 3, (1.0,) * 3, "bicubic").to(pictures.device)(pictures)
    return sized
