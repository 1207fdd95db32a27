"""The house's own segmenter: the small U-Net, in a safetensors file whose metadata says how it wants its pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import HiganCamError, WeightsError
from higan_cam.label.segmenters.label_maps import LABEL_MAPS
from higan_cam.label.segmenters.network_segmenter import NetworkSegmenter, Settings
from higan_cam.weights.files import load_tensors, save_tensors
from higan_cam.weights.state_dicts import fill
from higan_cam.weights.u_net import SHRINK, UNet

PARTS_MAP = LABEL_MAPS["face_parts"]


class PartsNetwork(UNet):
    """(N,3,S,S) in [-1,1] -> (N,classes,S,S) logits: the U-Net's maps at half the side, drawn out before they are
    compared, so that an edge may lie between its pixels.
    """

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        return F.interpolate(super().forward(image), scale_factor=float(SHRINK), mode="bilinear", align_corners=False)


def save_u_net(path: Path, network: UNet, side: int, label_map: str = PARTS_MAP.name) -> None:
    """Write a network, whole or not at all, as `load_u_net` reads it: 16-bit floats."""
    settings = {"channels": list(network.channels), **asdict(Settings(label_map, side))}
    halved = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    save_tensors(path, halved, {"settings": json.dumps(settings, sort_keys=True)})


def load_u_net(path: Path, given: str | None = None) -> NetworkSegmenter:
    """The segmenter in a file that `save_u_net` wrote, with the label map that is given, if one is.

    Raises:
        WeightsError: it holds none, its classes are not so many, or there is no such file.
    """
    tensors, metadata = load_tensors(path)
    try:
        written = json.loads(metadata["settings"])
        written |= {} if given is None else {"label_map": given}
        network, settings = _built(written)
    except (KeyError, TypeError, ValueError, HiganCamError) as error:
        raise WeightsError(
            f"{path}: no segmenter ({error}); expected a file of jobs/train_segmenter.py, which says in its metadata, "
            "under 'settings', what its channels, side and label map are"
        ) from error
    fill(network, tensors, path)
    return NetworkSegmenter(network.for_inference(), settings, str(path))


def _built(written: Mapping[str, Any]) -> tuple[PartsNetwork, Settings]:
    channels, side = written["channels"], written["side"]
    settings = Settings(**{key: value for key, value in written.items() if key != "channels"})
    if not isinstance(channels, list) or not isinstance(side, int):
        raise ValueError(f"settings {written}")
    network = PartsNetwork(channels, len(settings.labels.parts))
    if side % network.multiple:
        raise ValueError(f"side {side} px does not divide by {network.multiple}")
    return network, settings
