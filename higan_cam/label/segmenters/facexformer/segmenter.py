"""FaceXFormer as a segmenter: find the face, look once, give its parts and where the head points."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from higan_cam.label.segmenters.crops import crops_of, segmentation
from higan_cam.label.segmenters.detection import Detector, Mtcnn
from higan_cam.label.segmenters.facexformer.network import SIDE, FaceXFormer, Found
from higan_cam.label.segmenters.label_maps import LABEL_MAPS, LabelMap
from higan_cam.label.segmenters.segmenter import Segmentation
from higan_cam.losses.backbones import as_imagenet
from higan_cam.weights.state_dicts import fill, named_file, network_tensors
from higan_cam.worlds.face_parts import PARTS

NAME = "facexformer"
"""In the zoo, and what its label map is called."""
_BATCH = 4
"""Faces per pass: each takes some 0.3 GB of activations where gradients are wanted."""


@dataclass(frozen=True, eq=False)
class FaceXFormerSegmenter:
    """Fits `Segmenter`, with the head's pose.

    Attributes:
        network: loaded once, in eval mode.
        detector: what finds the face.
        labels: which class is which part.
    """

    network: FaceXFormer
    detector: Detector = field(default_factory=Mtcnn)
    labels: LabelMap = LABEL_MAPS[NAME]

    def segment(self, image: Tensor) -> Segmentation:
        """See `Segmenter`; maps and crops are of 224 px."""
        crops = crops_of(image, self.detector, SIDE)
        found = [self.look(part) for part in crops.pictures[crops.found].split(_BATCH) if len(part)]
        if not found:
            nothing = image.new_zeros((0, len(PARTS), SIDE, SIDE))
            return segmentation(crops, nothing, self.labels, image.new_zeros((0, 3)))
        likely = torch.cat([each.parts for each in found]).softmax(dim=1)
        return segmentation(crops, likely, self.labels, torch.cat([each.pose for each in found]))

    def look(self, crop: Tensor) -> Found:
        """(N,3,224,224) crops in [0,1] -> all that one pass says of them."""
        found: Found = self.network(as_imagenet(2 * crop - 1))
        return found


def load_facexformer(weights: str) -> FaceXFormer:
    """The network in eval mode, parameters frozen, out of a file of the published layout, whatever wraps it.

    Raises:
        WeightsError: a file that is missing, unsafe, or does not fit to the last key.
    """
    with torch.device("meta"):  # every tensor comes from the file
        network = FaceXFormer()
    fill(network, network_tensors(weights, network.state_dict().keys()), named_file(weights), assign=True)
    return network.eval().requires_grad_(False)
