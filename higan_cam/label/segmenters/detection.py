"""Where the faces in a picture are: MTCNN's cascade, or the whole picture taken as one face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.label.segmenters.boxes import kept, padded, proposals, regressed, scales, squared
from higan_cam.label.segmenters.mtcnn import Networks, load_networks
from higan_cam.label.segmenters.segmenter import as_colour

PROPOSAL, REFINEMENT, OUTPUT = 0.6, 0.7, 0.7
"""Probabilities that a box needs to pass each network."""
LANDMARKS = 5
_BATCH = 256
"""Boxes per pass of the second and third network."""


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces in one picture, the largest first.

    Attributes:
        boxes: (K,4) float32: left, top, right, bottom in pixels of the picture; they may reach over its edges.
        scores: (K,) float32 probabilities.
        landmarks: (K,5,2) float32 columns and rows: eye, eye, nose, corner, corner of the mouth; the picture's left
            first. NaN from detectors that have none.
    """

    boxes: Tensor
    scores: Tensor
    landmarks: Tensor


class Detector(Protocol):
    """What finds faces. It keeps nothing between calls, and serves several threads."""

    def faces(self, image: Tensor) -> tuple[Faces, ...]:
        """(N,1|3|4,H,W) in [-1,1] -> the faces of each picture, perhaps none."""
        ...


@dataclass(frozen=True)
class WholePicture:
    """Takes every picture as one face: for pictures that are cropped already, as generators of faces draw them."""

    def faces(self, image: Tensor) -> tuple[Faces, ...]:
        """See `Detector`."""
        height, width = image.shape[2:]
        whole = image.new_tensor([[0, 0, width, height]], dtype=torch.float32)
        unknown = torch.full((1, LANDMARKS, 2), torch.nan, device=image.device)
        return tuple(Faces(whole, torch.ones(1, device=image.device), unknown) for _ in range(len(image)))


@dataclass(frozen=True, eq=False)
class Mtcnn:
    """The cascade of three networks (Zhang et al. 2016, arXiv:1604.02878) over a pyramid of sizes.

    Attributes:
        networks: loaded once.
        smallest: side of the smallest face that is looked for, px.
    """

    networks: Networks = field(default_factory=load_networks)
    smallest: float = 20.0

    @torch.no_grad()
    def faces(self, image: Tensor) -> tuple[Faces, ...]:
        """See `Detector`. Boxes are not differentiable."""
        pictures = as_colour(image) * (127.5 / 128)
        return tuple(self._of_one(pictures[i : i + 1]) for i in range(len(pictures)))

    def _of_one(self, picture: Tensor) -> Faces:
        boxes, scores = self._proposed(picture), picture.new_zeros(0)
        points = boxes.new_zeros((0, 2 * LANDMARKS))
        if len(boxes):
            boxes = self._refined(picture, boxes)
        if len(boxes):
            boxes, scores, points = self._finished(picture, boxes)
        order = torch.argsort(_areas(boxes), descending=True, stable=True)
        landmarks = points.reshape(-1, 2, LANDMARKS).transpose(1, 2)
        return Faces(boxes[order], scores[order], landmarks[order])

    def _proposed(self, picture: Tensor) -> Tensor:
        """(1,3,H,W) -> (K,4) square boxes that the first network proposes at any size."""
        height, width = picture.shape[2:]
        found = []
        for scale in scales(height, width, self.smallest):
            shrunk = F.interpolate(picture, (int(height * scale + 1), int(width * scale + 1)), mode="area")
            moves, likely = self.networks.proposal(shrunk)
            parts = proposals(likely[0, 1], moves[0], scale, PROPOSAL)
            chosen = kept(parts[0], parts[1], 0.5, "union", extra=0)
            found.append([part[chosen] for part in parts])
        if not found:
            return picture.new_zeros((0, 4))
        boxes, scores, moves = (torch.cat(parts) for parts in zip(*found, strict=True))
        chosen = kept(boxes, scores, 0.7, "union", extra=0)
        return squared(regressed(boxes[chosen], moves[chosen], extra=0))

    def _refined(self, picture: Tensor, boxes: Tensor) -> Tensor:
        boxes, crops = _crops(picture, boxes, 24)
        moves, likely = _in_parts(self.networks.refinement, crops)
        good = torch.nonzero(likely[:, 1] > REFINEMENT)[:, 0]
        chosen = good[kept(boxes[good], likely[good, 1], 0.7, "union", extra=0)]
        return squared(regressed(boxes[chosen], moves[chosen]))

    def _finished(self, picture: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        boxes, crops = _crops(picture, boxes, 48)
        moves, points, likely = _in_parts(self.networks.output, crops)
        good = torch.nonzero(likely[:, 1] > OUTPUT)[:, 0]
        boxes, moves, points, scores = boxes[good], moves[good], points[good], likely[good, 1]
        extents = boxes[:, 2:] - boxes[:, :2] + 1
        points = extents.repeat_interleave(LANDMARKS, 1) * points + boxes[:, :2].repeat_interleave(LANDMARKS, 1) - 1
        boxes = regressed(boxes, moves)
        chosen = kept(boxes, scores, 0.7, "smaller")
        return boxes[chosen], scores[chosen], points[chosen]


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)


def _crops(picture: Tensor, boxes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Boxes with a pixel inside the picture, and what is in them, (K,3,side,side)."""
    ends = padded(boxes, *picture.shape[2:]).tolist()
    inside = [i for i, (top, bottom, left, right) in enumerate(ends) if bottom >= top and right >= left]
    parts = [picture[:, :, ends[i][0] - 1 : ends[i][1], ends[i][2] - 1 : ends[i][3]] for i in inside]
    crops = [F.interpolate(part, (side, side), mode="area") for part in parts]
    return boxes[inside], torch.cat(crops) if crops else picture.new_zeros((0, 3, side, side))


def _in_parts(network: torch.nn.Module, crops: Tensor) -> Sequence[Tensor]:
    outputs = [network(part) for part in crops.split(_BATCH)]
    return [torch.cat(parts) for parts in zip(*outputs, strict=True)]
