"""A student as others use it: pictures in, heat and masks out; from a file, or the embedded one by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import HiganCamError, WeightsError
from higan_cam.mask.student.network import HEAT, MASK, SHRINK, StudentNetwork
from higan_cam.weights.embedded import EMBEDDED_STUDENTS, embedded_path
from higan_cam.weights.files import decode_tensors, encode_tensors, load_tensors, save_tensors

BATCH = 16
"""Pictures per pass: more are not faster on a core."""


@dataclass(frozen=True, eq=False)
class Student:
    """A network that has learned from masks where the attribute answers, and needs no generator and no scorer to say.

    Attributes:
        network: in eval mode, on the CPU or wherever it was moved to.
        side: of the pictures that it looks at, px; the maps have half of it.
        attribute: what its masks are of, such as `indoor_lighting`.
    """

    network: StudentNetwork
    side: int
    attribute: str = "attribute"

    def heat(self, image: Tensor) -> Tensor:
        """(N,3,S,S) in [-1,1], any side -> (N,h,w) heat in [0,1] at half of `side`, as the runs' heat maps have it.

        The peak is not scaled to 1: where the student sees nothing, it is low everywhere.
        """
        return self.maps(image)[:, HEAT]

    def mask(self, image: Tensor) -> Tensor:
        """(N,3,S,S) in [-1,1] -> (N,h,w) in [0,1]: how likely each pixel is in the mask; 0.5 and more is in."""
        return self.maps(image)[:, MASK]

    @torch.inference_mode()
    def maps(self, image: Tensor) -> Tensor:
        """(N,3,S,S) in [-1,1] -> (N,2,h,w) in [0,1]: heat, then mask.

        The picture is brought to `side` px by a bilinear filter, without aliases.

        Raises:
            ValueError: no square pictures of three channels.
        """
        if image.ndim != 4 or image.shape[1] != 3 or image.shape[2] != image.shape[3]:
            raise ValueError(f"expected square pictures (N,3,S,S), got {tuple(image.shape)}")
        if len(image) == 0:
            return image.new_zeros((0, 2, self.side // SHRINK, self.side // SHRINK))
        return torch.cat([self.network(_sized(part, self.side)).sigmoid() for part in image.split(BATCH)])


def load_student(source: str | Path = "rooms") -> Student:
    """The embedded student of that name, or the one in a file that `jobs/train_student.py` left.

    Raises:
        WeightsError: there is no such file, or it holds no student.
    """
    embedded = EMBEDDED_STUDENTS.get(str(source))
    path = embedded_path(embedded.file) if embedded is not None else Path(source)
    return _read(*load_tensors(path), str(path))


def decode_student(data: bytes, name: str) -> Student:
    """The student in the bytes of such a file; `name` says whose, in errors. WeightsError: they hold none."""
    return _read(*decode_tensors(data, name), name)


def save_student(path: Path, network: StudentNetwork, side: int, attribute: str) -> None:
    """Write a trained network, whole or not at all, as `load_student` reads it: 16-bit floats."""
    save_tensors(path, *_written(network, side, attribute))


def encode_student(network: StudentNetwork, side: int, attribute: str) -> bytes:
    """The bytes that `save_student` writes."""
    return encode_tensors(*_written(network, side, attribute))


def _written(network: StudentNetwork, side: int, attribute: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    settings = {"side": side, "channels": list(network.channels), "attribute": attribute}
    halved = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    return halved, {"settings": json.dumps(settings, sort_keys=True)}


def _read(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], name: str) -> Student:
    try:
        return _built(tensors, json.loads(metadata["settings"]))
    except (KeyError, TypeError, ValueError, RuntimeError, HiganCamError) as error:
        raise WeightsError(f"{name}: not a student ({error}); expected a file of jobs/train_student.py") from error


def _built(tensors: Mapping[str, Tensor], settings: Mapping[str, object]) -> Student:
    side, channels, attribute = settings["side"], settings["channels"], settings["attribute"]
    if not isinstance(side, int) or not isinstance(channels, list) or not isinstance(attribute, str):
        raise ValueError(f"settings {settings}")
    network = StudentNetwork(channels)
    if side < network.multiple or side % network.multiple:
        raise ValueError(f"side {side} px does not divide by {network.multiple}")
    network.load_state_dict(tensors)
    return Student(network.for_inference(), side, attribute)


def _sized(image: Tensor, side: int) -> Tensor:
    if image.shape[-1] != side:
        image = F.interpolate(image, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return image.contiguous(memory_format=torch.channels_last)
