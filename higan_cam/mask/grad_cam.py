"""Class activation maps of the scorer at the generator's layers, positive edit minus negative edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.mask.heat import one_sign, repeat_state, resize_maps, shared_prefix, unit_peak
from higan_cam.mask.rounding import beyond_rounding, picture_change, where_pictures_change
from higan_cam.types import Generator, Scorer, Sign, SynthesisState

Weighting = Callable[[Tensor, Tensor], Tensor]
"""(features, gradients), both (N,C,h,w) -> map (N,h,w) before ReLU."""


def grad_cam_map(features: Tensor, gradients: Tensor) -> Tensor:
    """sum_c mean(g_c) A_c (Selvaraju 2017, arXiv:1610.02391, eq. 1-2)."""
    return (gradients.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1)


def hires_cam_map(features: Tensor, gradients: Tensor) -> Tensor:
    """sum_c g_c A_c, element by element (HiResCAM, arXiv:2011.08891, eq. 4)."""
    return (gradients * features).sum(dim=1)


def layer_cam_map(features: Tensor, gradients: Tensor) -> Tensor:
    """sum_c relu(g_c) A_c, element by element (LayerCAM, Jiang 2021, eq. 5-6)."""
    return (gradients.relu() * features).sum(dim=1)


WEIGHTINGS: Mapping[str, Weighting] = {
    "grad_cam": grad_cam_map,
    "hires_cam": hires_cam_map,
    "layer_cam": layer_cam_map,
}


def tapped_gradients(
    generator: Generator, scorer: Scorer, codes: Tensor, taps: Sequence[int], start: SynthesisState
) -> dict[int, tuple[Tensor, Tensor]]:
    """{layer: (features, d score / d features)}, each (N,C,h,w), through scorer and generator in one backward pass.

    Parameters keep their `.grad`; works inside no_grad and inference_mode.
    """
    return _drawn_and_tapped(generator, scorer, codes, taps, start)[1]


def _drawn_and_tapped(
    generator: Generator, scorer: Scorer, codes: Tensor, taps: Sequence[int], start: SynthesisState
) -> tuple[Tensor, dict[int, tuple[Tensor, Tensor]]]:
    """The images (N,3,H,W), and `tapped_gradients`."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = codes.detach().clone().requires_grad_()  # so that the layers from `start` on are in the graph
        image, features = generator.synthesize(leaf, taps, _outside_inference(start))
        gradients = torch.autograd.grad(scorer.score(image).sum(), [features[tap] for tap in taps])
    tapped = {tap: (features[tap].detach(), gradient) for tap, gradient in zip(taps, gradients, strict=True)}
    return image.detach(), tapped


def _outside_inference(state: SynthesisState) -> SynthesisState:
    """Copies of the state's tensors that autograd may save."""
    parts = [None if part is None else part.detach().clone() for part in (state.features, state.rgb)]
    return SynthesisState(state.layer, *parts)


@dataclass(frozen=True)
class LayerBalance:
    """What each tapped layer counts, in the generator's order; see `layer_balance` for where it comes from.

    Attributes:
        weights: >= 0; None: all 1.
        scales: >= 0, what the layer's map is divided by (0: it never has one); None: its own maximum in each sample.
    """

    weights: tuple[float, ...] | None = None
    scales: tuple[float, ...] | None = None


@dataclass(frozen=True)
class GradCam:
    """sum over tapped layers of weight x relu(CAM+ - CAM-) / scale (or another sign), resized, peak 1.

    CAM is relu(weighting) of the scorer's output at one end. Without a balance the scale is each sample's own maximum
    and all weights are 1, so that layers count the same whatever their relevance. Taps below the first edited row have
    the same features at both ends but other gradients, so they count too. Cost: both ends forward and backward from
    the first tap or edited row on.

    Attributes:
        weighting: how features and gradients become a map.
        layers: generator layers that are tapped.
        map_size: side of the heat map, pixels.
        sign: where the CAM grows (positive), where it shrinks, relu(CAM- - CAM+) (negative), or both.
        balance: weights and scales measured over the run.
    """

    weighting: Weighting
    layers: tuple[int, ...]
    map_size: int = 256
    sign: Sign = "positive"
    balance: LayerBalance = LayerBalance()

    def __call__(self, generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,map_size,map_size) in [0,1]."""
        heat = negative.new_zeros((len(negative), self.map_size, self.map_size), dtype=torch.float32)
        weights, scales = self.balance.weights, self.balance.scales
        for place, change in enumerate(self._changes(generator, scorer, negative, positive)):
            scaled = unit_peak(change) if scales is None else change / (scales[place] or 1.0)
            heat += (1.0 if weights is None else weights[place]) * resize_maps(scaled, self.map_size)
        return unit_peak(heat)

    def peaks(self, generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,T) maximum of each tapped layer's map, before any scale: what scales are calibrated from."""
        changes = self._changes(generator, scorer, negative, positive)
        return torch.stack([change.amax(dim=(1, 2)) for change in changes], dim=1)

    def _changes(self, generator: Generator, scorer: Scorer, negative: Tensor, positive: Tensor) -> Iterator[Tensor]:
        """(N,h,w) maps >= 0, one per tapped layer in the generator's order; 0 where nothing changes but by rounding."""
        taps = sorted(set(self.layers))
        with torch.no_grad():
            start = repeat_state(shared_prefix(generator, negative, positive, stop=taps[0]), 2)
        images, tapped = _drawn_and_tapped(generator, scorer, torch.cat([negative, positive]), taps, start)
        moved = picture_change(*images.chunk(2))
        for features, gradients in tapped.values():
            low, high = self.weighting(features, gradients).relu().chunk(2)
            change = beyond_rounding(one_sign(high - low, self.sign), torch.stack([low, high], dim=1))
            yield where_pictures_change(change, moved)
