"""The published HiGAN_CAM heat map: where the features' channel sum grows from the negative to the positive edit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.mask.heat import one_sign, repeat_state, resize_maps, shared_prefix, unit_peak
from higan_cam.mask.rounding import beyond_rounding
from higan_cam.types import Generator, Scorer, Sign


def channel_cam(features: Tensor) -> Tensor:
    """(N,C,h,w) features -> (N,h,w) in [0,1]: ReLU(sum over channels), minus its minimum, divided by its maximum.

    This is Grad-CAM (Selvaraju 2017, eq. 1-2) of the features' own sum: its gradient is 1 everywhere, so every channel
    weighs 1 and no backward pass is needed. A map that is flat but for rounding becomes zeros.
    """
    summed = features.sum(dim=1, dtype=torch.float32).relu()
    return unit_peak(beyond_rounding(summed - summed.amin(dim=(1, 2), keepdim=True), summed))


def cam_difference(negative: Tensor, positive: Tensor, sign: Sign = "positive") -> Tensor:
    """(N,h,w) maps of both ends -> clip((C+ - C-) / (max - min), 0, 1) per sample; zeros where they differ by rounding.

    The minimum only sets the scale; it is not subtracted, so places that do not grow stay at 0. Negative clips
    (C- - C+) / (max - min) instead (places that shrink), both |C+ - C-| / (max - min).
    """
    change = positive - negative
    change = beyond_rounding(change.abs(), torch.stack([negative, positive], dim=1)).copysign(change)
    span = change.amax(dim=(1, 2), keepdim=True) - change.amin(dim=(1, 2), keepdim=True)
    return one_sign(change / torch.where(span > 0, span, 1), sign).clamp(max=1)


@dataclass(frozen=True)
class ActivationDifference:
    """`cam_difference` per tapped layer, resized bilinearly, summed over layers, divided by the maximum.

    It never looks at the scorer or the boundary. Cost: the layers below the first edited row once, those up to the last
    tap for both ends; no gradients. Taps below the first edited row add nothing and are not computed.

    Attributes:
        layers: generator layers that are tapped (published: 6-11 of 14).
        map_size: side of the heat map, pixels (published: 256).
        sign: where the features grow (positive, as published), where they shrink (negative), or both.
    """

    layers: tuple[int, ...]
    map_size: int = 256
    sign: Sign = "positive"

    def __call__(
        self,
        generator: Generator,
        scorer: Scorer,  # noqa: ARG002  (the protocol passes it)
        negative: Tensor,
        positive: Tensor,
    ) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,map_size,map_size) in [0,1]."""
        heat = negative.new_zeros((len(negative), self.map_size, self.map_size), dtype=torch.float32)
        with torch.no_grad():
            for changes in self._by_resolution(generator, negative, positive).values():
                heat += resize_maps(changes, self.map_size)
        return unit_peak(heat)

    def _by_resolution(self, generator: Generator, negative: Tensor, positive: Tensor) -> dict[int, Tensor]:
        """Layer changes (N,h,h) summed per h: resizing is linear, so it is done once per size."""
        state = repeat_state(shared_prefix(generator, negative, positive), 2)
        codes = torch.cat([negative, positive])
        sums: dict[int, Tensor] = {}
        for layer in sorted(layer for layer in self.layers if layer >= state.layer):
            state, features = generator.advance(codes, layer + 1, (layer,), state)
            low, high = channel_cam(features[layer]).chunk(2)
            change = cam_difference(low, high, self.sign)
            side = change.shape[-1]
            sums[side] = sums[side] + change if side in sums else change
        return sums
