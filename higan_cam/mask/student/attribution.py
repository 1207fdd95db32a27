"""A student as an attribution: heat that it has learned from masks, instead of a difference of two pictures.

Labels of a run err picture by picture (a drive that moves unevenly, ghosts of lamps that are not there); a network that
has learned from thousands of them does not repeat what is not in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.mask.heat import ImageAttribution, resize_maps
from higan_cam.mask.rounding import picture_change, where_pictures_change
from higan_cam.mask.student.student import Student


@dataclass(frozen=True, eq=False)
class StudentHeat(ImageAttribution):
    """The heat that the student sees in the negative end; not scaled to a peak of 1.

    It looks at the picture alone, not at the scorer; where both ends are the same picture there is nothing to say.
    Not at the positive end, which shows ghosts of absent lamps: from there AP on known light was .905, that of
    `light_change`; from the negative end it is .954 [.935, .966] against .908, and IoU .775 against .661
    (`benchmark-masks`, 195 and 116 pictures). Cost: both ends' images, where they do not exist yet, and a pass of the
    student, about 10 ms on a core.

    Attributes:
        map_size: side of the heat map, pixels; the student's own maps are resized.
    """

    student: Student
    map_size: int = 256

    def between(self, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,3,H,W) images of both ends in [-1,1] -> (N,map_size,map_size) in [0,1]."""
        with torch.no_grad():
            self.student.network.to(positive.device)  # where the run's networks are
            heat = resize_maps(self.student.heat(negative.clamp(-1, 1)), self.map_size).clamp(0, 1)
            return where_pictures_change(heat, picture_change(negative, positive))
