"""A student as an attribution: heat that it has learned from masks, instead of a difference of two pictures.

Labels of a run err picture by picture (a drive that moves unevenly, ghosts of lamps that are not there); a network that
has learned from thousands of them does not repeat what is not in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.mask.heat import ImageAttribution, repeat_state, resize_maps, shared_prefix
from higan_cam.mask.rounding import picture_change, where_pictures_change
from higan_cam.mask.student.student import Student
from higan_cam.types import Generator, Scorer


@dataclass(frozen=True, eq=False)
class StudentHeat(ImageAttribution):
    """The mean of the heat that the student sees in the original and in the negative end; not scaled to a peak of 1.

    It looks at the pictures alone, not at the scorer; where both ends are the same picture there is nothing to say.
    Where only the ends are known, the picture half-way between their codes stands for the original: where both are
    equally far from it, it is the original.
    Two views err less than one. AP on the known light of 243 rooms (`benchmark-masks`, the embedded student) is .959
    [.954, .964] from both, .950 [.939, .958] from the negative end alone. The positive end is not looked at: it shows
    ghosts of absent lamps, and on 96 other rooms AP from it is .920, from the original .963, from the negative end
    .958. Cost: both ends' images and the original's, where they do not exist yet, and two passes of the student, about
    10 ms each on a core.

    Attributes:
        map_size: side of the heat map, pixels; the student's own maps are resized.
    """

    student: Student
    map_size: int = 256

    def __call__(
        self,
        generator: Generator,
        scorer: Scorer,  # noqa: ARG002  (the protocol passes it)
        negative: Tensor,
        positive: Tensor,
    ) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,map_size,map_size) in [0,1]."""
        with torch.no_grad():
            start = repeat_state(shared_prefix(generator, negative, positive), 3)
            codes = torch.cat([torch.lerp(negative, positive, 0.5), negative, positive])
            return self.of(*generator.synthesize(codes, start=start)[0].chunk(3))

    def between(self, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,3,H,W) images of both ends in [-1,1] -> (N,map_size,map_size) in [0,1]: what the negative one shows."""
        return self._seen([negative], negative, positive)

    def of(self, original: Tensor, negative: Tensor, positive: Tensor) -> Tensor:
        """The same from the original's image as well."""
        return self._seen([original, negative], negative, positive)

    def _seen(self, pictures: Sequence[Tensor], negative: Tensor, positive: Tensor) -> Tensor:
        with torch.no_grad():
            self.student.network.to(negative.device)  # where the run's networks are
            heat = torch.stack([self.student.heat(picture.clamp(-1, 1)) for picture in pictures]).mean(dim=0)
            resized = resize_maps(heat, self.map_size).clamp(0, 1)
            return where_pictures_change(resized, picture_change(negative, positive))
