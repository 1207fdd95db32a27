"""Picture to code in one pass: a small network that knows where the camera stood, and looks from there.

A generator draws things where it always drew them, so a code is read most easily from fixed places; a camera that stood
elsewhere moves everything. So a first network finds how the picture was taken, the picture is moved back, and a second
one reads the code (spatial transformers: Jaderberg et al., NeurIPS 2015; here where the camera stood is known while the
network learns). Shapes: N pictures, L rows of w+, D code dimension, S side of what the networks see, pixels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import WeightsError
from higan_cam.invert.camera import AT_REST, CAMERA, TYPICAL, straightened
from higan_cam.invert.statistics import CodeStatistics
from higan_cam.weights.embedded import EMBEDDED_ENCODERS
from higan_cam.weights.files import load_tensors
from higan_cam.weights.zoo import weights_file

SLOPE = 0.1
CAMERA_HIDDEN = 128


class Encoder(nn.Module):
    """Picture -> code of one generator, and how the picture was taken.

    Args:
        statistics: where the generator's codes lie.
        side: of the square that pictures are resized to, pixels.
        widths: channels of the convolutions that read the code; each halves the side.
        hidden: units between them and the code.
        camera_widths: channels of those that find the camera, which see half the side.
        deltas: whether rows of w+ may differ.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        statistics: CodeStatistics,
        *,
        side: int,
        widths: Sequence[int],
        hidden: int,
        camera_widths: Sequence[int],
        deltas: bool = False,
    ) -> None:
        super().__init__()
        self.side = side
        self.settings = {"side": side, "widths": list(widths), "hidden": hidden, "deltas": deltas}
        self.settings |= {"camera_widths": list(camera_widths), "rows": len(statistics.mean)}
        self.settings |= {"dim": statistics.mean.shape[1]}
        self.register_buffer("mean", statistics.mean.clone())
        self.register_buffer("spread", statistics.spread.clone())
        self.camera = _network(side // 2, camera_widths, CAMERA_HIDDEN, len(CAMERA))
        self.reader = _network(side, widths, hidden, self.mean.shape[1])
        self.rows = nn.Linear(self.mean.shape[1], self.mean.numel()) if deltas else None
        if self.rows is not None:
            nn.init.zeros_(self.rows.weight), nn.init.zeros_(self.rows.bias)

    @property
    def statistics(self) -> CodeStatistics:
        """Where the generator's codes lie."""
        return CodeStatistics(self.mean, self.spread, 0)

    @property
    def varies(self) -> Tensor:
        """(D,) bool: coordinates that tell the generator's codes apart."""
        return (self.spread > 0).any(dim=0)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(N,3,S,S) in [-1,1] -> codes in standard deviations, (N,1,D) or with deltas (N,L,D), and cameras (N,8)."""
        units = self.camera(F.avg_pool2d(picture, 2))
        camera = units * units.new_tensor(TYPICAL) + units.new_tensor(AT_REST)
        white = self.reader(straightened(picture, camera.detach()))  # the camera learns from the truth alone
        rows = white[:, None]
        return rows if self.rows is None else rows + self.rows(white).view(-1, *self.mean.shape), camera

    def predict(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(N,3,H,W) in [-1,1] -> codes w+ (N,L,D) of what the generator would draw, and cameras (N,8), `camera.CAMERA`.

        The code is that of the picture as an unmoved camera would have taken it.
        """
        white, camera = self(reduced(image, self.side))
        return self.w_plus(white), camera

    def codes(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> codes w+ (N,L,D)."""
        return self.predict(image)[0]

    def w_plus(self, white: Tensor) -> Tensor:
        """Codes in standard deviations, (N,1 or L,D) -> w+ (N,L,D)."""
        return self.statistics.w_plus(white)


def reduced(image: Tensor, side: int) -> Tensor:
    """(N,3,H,W) -> (N,3,side,side), antialiased: what an encoder sees of a picture."""
    if tuple(image.shape[-2:]) == (side, side):
        return image
    return F.interpolate(image, (side, side), mode="bilinear", align_corners=False, antialias=True)


def load_encoder(weights: str | Path = "rooms") -> Encoder:
    """An encoder ready for inference: eval mode, parameters frozen.

    Args:
        weights: `rooms` for that of the embedded generator, or a file that `jobs/train_encoder.py` has left.

    Raises:
        WeightsError: no such file, none of an encoder, or keys and shapes that do not fit its settings.
    """
    path = weights_file(str(weights), EMBEDDED_ENCODERS)
    tensors, metadata = load_tensors(path)
    try:
        encoder = _empty(json.loads(metadata["settings"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: no usable 'settings' in its metadata ({error}); expected a file of jobs/train_encoder.py"
        ) from error
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{path}: does not fit its own settings: {str(error).splitlines()[-1].strip()}") from error
    return encoder.eval().requires_grad_(False)


def _empty(settings: Mapping[str, Any]) -> Encoder:
    """The network that the settings describe, its numbers still to come."""
    known = dict(settings)
    shape = int(known.pop("rows")), int(known.pop("dim"))
    return Encoder(CodeStatistics(torch.zeros(shape), torch.zeros(shape), 0), **known)


def _network(side: int, widths: Sequence[int], hidden: int, out: int) -> nn.Sequential:
    """(N,3,side,side) -> (N,out): convolutions that halve the side, then two layers over what is left of all places.

    Without batch normalisation: the answer to a picture, also in training, depends on no other one.
    """
    layers: list[nn.Module] = []
    channels = 3
    for width in widths:
        kernel = 5 if channels == 3 else 3
        layers += [nn.Conv2d(channels, width, kernel, 2, kernel // 2), nn.LeakyReLU(SLOPE)]
        channels, side = width, (side + 1) // 2
    layers += [nn.Flatten(), nn.Linear(channels * side**2, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, out)]
    return nn.Sequential(*layers)
