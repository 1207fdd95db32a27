"""Generator output as pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from higan_cam.types import ByteArray


@torch.no_grad()
def to_uint8(image: Tensor) -> ByteArray:
    """(N,3,H,W) nominally in [-1,1], on any device -> (N,H,W,3) RGB, clip((x + 1) * 127.5 + 0.5, 0, 255) truncated."""
    levels = (image.float() + 1).mul_(127.5).add_(0.5).clamp_(0, 255).to(torch.uint8)
    pictures: ByteArray = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pictures


def from_uint8(images: ByteArray) -> Tensor:
    """(N,H,W,3) uint8 -> (N,3,H,W) float32 in [-1,1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
