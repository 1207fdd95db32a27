"""Losses of a network's features: what two pictures look like to it, and how their textures do.

A network here is a callable, (N,3,H,W) in [-1,1] -> one tensor (N,…) or several. It owns its preprocessing, which
should not clamp: what is out of range then has no gradient back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.losses.pictures import per_picture

Features = Callable[[Tensor], Tensor | Sequence[Tensor]]
"""(N,3,H,W) in [-1,1] -> (N,D), (N,C,h,w), or several of them; such as `LightingScorer.features`."""


def layers_of(features: Features, picture: Tensor) -> tuple[Tensor, ...]:
    """The features as a tuple, layer by layer."""
    found = features(picture)
    return (found,) if isinstance(found, Tensor) else tuple(found)


def feature_distances(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """(N,layers) mean squared difference of each layer's features (Johnson et al., ECCV 2016)."""
    return torch.stack([per_picture((a - b).square()) for a, b in zip(one, other, strict=True)], dim=1)


def gram(features: Tensor) -> Tensor:
    """(N,C,h,w) -> (N,C,C) products of channels, summed over pixels, divided by C h w; at least float32.

    In half precision the sums over a large layer overflow; so they are taken outside autocast.

    Raises:
        DataError: features without pixels.
    """
    if features.dim() != 4:
        raise DataError(
            f"gram: features of shape {tuple(features.shape)}; expected (N,C,h,w), from a layer with pixels"
        )
    with torch.autocast(features.device.type, enabled=False):
        flat = features.to(torch.promote_types(features.dtype, torch.float32)).flatten(2)
        return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def gram_distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """(N,C,C) Gram matrices layer by layer -> (N,) sum of squared differences (Johnson et al. 2016, after Gatys)."""
    return torch.stack([(a - b).square().sum(dim=(1, 2)) for a, b in zip(one, other, strict=True)]).sum(dim=0)


def identity_distance(one: Tensor, other: Tensor) -> Tensor:
    """(N,D) embeddings of any length -> (N,) 1 - cosine, in [0,2]."""
    return 1 - F.cosine_similarity(one, other, dim=1)


def face_crop(picture: Tensor) -> Tensor:
    """(N,3,H,W) aligned faces -> (N,3,112,112) as StyleCLIP and pSp show them to ArcFace.

    Mean-pooled to 256 px, rows 35:223 and columns 32:220, mean-pooled to 112 px. For an identity network:
    `lambda picture: network(face_crop(picture))`.
    """
    face = F.adaptive_avg_pool2d(picture, 256)[:, :, 35:223, 32:220]
    return F.adaptive_avg_pool2d(face, 112)
