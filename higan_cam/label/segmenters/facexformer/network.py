"""FaceXFormer's network: a Swin-B, its four stages fused, a token for each task, a mask for each part.

Module names are those of the published file. One pass serves every task.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.label.segmenters.facexformer.transformer import Places, TwoWayTransformer
from higan_cam.worlds.face_parts import PARTS

SIDE = 224
"""Of the pictures, px."""
FEATURES, INNER = 256, 2048
_GRID = 56
"""Side at which the stages are fused."""
_CHANNELS = (128, 256, 512, 1024)
_HEADS = {"landmarks": 136, "pose": 3, "attribute": 40, "visibility": 29, "age": 8, "gender": 2, "race": 5}
"""Tasks with a token each, in the order of the tokens; how many numbers each gives."""


@dataclass(frozen=True, eq=False)
class Found:
    """What one pass says of N faces.

    Attributes:
        parts: (N,11,224,224) logits of `PARTS`.
        landmarks: (N,68,2) columns and rows, pixels of the 224-px picture.
        pose: (N,3) pitch, yaw, roll, radians.
        attributes: (N,40) logits of CelebA's attributes.
        visibility: (N,29) logits: which of 29 landmarks are visible.
        age, gender, race: (N,8), (N,2) and (N,5) logits of the published groups: guesses from looks, which nothing here
            uses.
    """

    parts: Tensor
    landmarks: Tensor
    pose: Tensor
    attributes: Tensor
    visibility: Tensor
    age: Tensor
    gender: Tensor
    race: Tensor


class FaceXFormer(nn.Module):
    """(N,3,224,224) pictures, normalised as ImageNet's -> `Found`."""

    def __init__(self) -> None:
        from torchvision.models import swin_b  # over a second, which whatever else imports scorers would wait for

        super().__init__()
        swin = swin_b(weights=None)
        self.backbone = nn.Sequential(swin.features, swin.norm)
        self.pe_layer = Places(FEATURES)
        self.face_decoder = Decoder()
        self.linear_c = nn.ModuleList(_Projection(channels) for channels in _CHANNELS)
        self.linear_fuse = nn.Conv2d(len(_CHANNELS) * FEATURES, FEATURES, 1, bias=False)

    def forward(self, picture: Tensor) -> Found:
        found: Found = self.face_decoder(self.features(picture), self.pe_layer(_GRID))
        return found

    def features(self, picture: Tensor) -> Tensor:
        """(N,3,224,224) -> (N,256,56,56): each stage brought to as many features and one side, the deepest first."""
        stages, x = [], picture
        for number, layer in enumerate(self.backbone[0].children()):
            x = layer(x)
            if number % 2:  # the layers between them shrink
                stages.append(x)
        sized = [
            F.interpolate(linear(stage).permute(0, 3, 1, 2), (_GRID, _GRID), mode="bilinear", align_corners=False)
            for linear, stage in zip(self.linear_c, stages, strict=True)
        ]
        fused: Tensor = self.linear_fuse(torch.cat(sized[::-1], dim=1))
        return fused


class Decoder(nn.Module):
    """Features of the picture -> what each token and each mask says."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(FEATURES, INNER)
        for name, outputs in _HEADS.items():
            self.add_module(f"{name}_token", nn.Embedding(1, FEATURES))
            self.add_module(f"{name}_prediction_head", _Perceptron(outputs))
        self.mask_tokens = nn.Embedding(len(PARTS), FEATURES)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(FEATURES, FEATURES // 4, 2, 2),
            _ChannelNorm(FEATURES // 4),
            nn.GELU(),
            nn.ConvTranspose2d(FEATURES // 4, FEATURES // 8, 2, 2),
            nn.GELU(),
        )
        self.output_hypernetwork_mlps = _Perceptron(FEATURES // 8)

    def forward(self, features: Tensor, places: Tensor) -> Found:
        """(N,256,h,h) features, (1,h*h,256) places -> what is found."""
        tables = [self.get_parameter(f"{name}_token.weight") for name in _HEADS]
        starts = torch.cat([*tables, self.mask_tokens.weight]).expand(len(features), -1, -1)
        tokens, picture = self.transformer(starts, features.flatten(2).transpose(1, 2), places)
        upscaled = self.output_upscaling(picture.transpose(1, 2).unflatten(2, features.shape[2:]))
        parts = torch.einsum("npc,nchw->nphw", self.output_hypernetwork_mlps(tokens[:, len(_HEADS) :]), upscaled)
        said = {name: self.get_submodule(f"{name}_prediction_head")(tokens[:, i]) for i, name in enumerate(_HEADS)}
        return Found(
            parts=parts,
            landmarks=in_pixels(said["landmarks"].unflatten(1, (-1, 2))),
            pose=said["pose"],
            attributes=said["attribute"],
            **{name: said[name] for name in ("visibility", "age", "gender", "race")},
        )


def in_pixels(landmarks: Tensor) -> Tensor:
    """Places in [-1,1] across the picture -> pixels, those at -0.5 and 223.5 being its edges."""
    return ((landmarks + 1) * SIDE - 1) / 2


class _Projection(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(channels, FEATURES)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.proj(x)
        return projected


class _Perceptron(nn.Module):
    """(N,...,256) -> (N,...,outputs), two hidden layers."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(FEATURES, size) for size in (FEATURES, FEATURES, outputs))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        said: Tensor = self.layers[-1](x)
        return said


class _ChannelNorm(nn.Module):
    """Layer normalisation over the channels of every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        normed = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, eps=1e-6)
        return normed.permute(0, 3, 1, 2)
