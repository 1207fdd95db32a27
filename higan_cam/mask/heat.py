"""What the attributions share: resizing and scaling maps, smoothing, and the layers that both ends have in common."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.mask.rounding import beyond_rounding
from higan_cam.types import Generator, Scorer, Sign, SynthesisState


def unit_peak(maps: Tensor) -> Tensor:
    """(N,H,W) -> (N,H,W) in [0,1]: negative values become 0, the rest is divided by the map's maximum.

    A map that is nowhere positive becomes zeros, never NaN.
    """
    positive = maps.clamp(min=0)
    peak = positive.amax(dim=(1, 2), keepdim=True)
    return positive / torch.where(peak > 0, peak, 1)


def one_sign(signed: Tensor, sign: Sign) -> Tensor:
    """Signed maps s, (N,H,W) -> maps >= 0: max(s, 0) (positive), max(-s, 0) (negative), or |s| (both).

    Swapping the two ends negates s, so the negative map is the positive map of the edit the other way round. Where one
    sign's peak is only the rounding of the other's, there is none of it (`beyond_rounding`).
    """
    if sign == "both":
        return signed.abs()
    return beyond_rounding((signed if sign == "positive" else -signed).clamp(min=0), signed)


def resize_maps(maps: Tensor, size: int) -> Tensor:
    """(N,h,h) -> (N,size,size), pixel centres at halves: bilinear to a larger size, means over areas to a smaller one.

    Shrinking keeps each map's mean, and so every small spot at its share of the pixel that it falls into. `cv2.resize`
    gives the same with INTER_LINEAR and INTER_AREA.
    """
    side = maps.shape[-1]
    if side == size:
        return maps
    if side < size:
        return F.interpolate(maps[:, None], size=(size, size), mode="bilinear", align_corners=False)[:, 0]
    # In double precision, where no device rounds products to fewer bits.
    shares = _area_shares(side, size).to(maps.device)
    return (shares @ maps.double() @ shares.T).to(maps.dtype)


def _area_shares(side: int, size: int) -> Tensor:
    """(size,side) float64: which share of each of `size` equal parts of a line each of `side` >= size pixels covers."""
    edges = torch.arange(size + 1, dtype=torch.float64) * (side / size)
    pixels = torch.arange(side, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return overlap.clamp(min=0) * (size / side)


def smooth(maps: Tensor, sigma: float) -> Tensor:
    """(N,H,W) -> (N,H,W): Gaussian of `sigma` pixels, cut at three sigma, edges repeated."""
    radius = math.ceil(3 * sigma)
    offsets = torch.arange(-radius, radius + 1, device=maps.device, dtype=maps.dtype)
    kernel = torch.exp(-offsets.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    padded = F.pad(maps[:, None], (radius, radius, radius, radius), mode="replicate")
    rows = F.conv2d(padded, kernel[None, None, None, :])
    return F.conv2d(rows, kernel[None, None, :, None])[:, 0]


def shared_prefix(generator: Generator, negative: Tensor, positive: Tensor, stop: int | None = None) -> SynthesisState:
    """The layers below the first w+ row in which (N,L,w_dim) codes differ, and below `stop`, run once for both ends."""
    differs = (negative != positive).any(dim=2).any(dim=0).tolist()
    first = differs.index(True) if True in differs else len(differs)
    layers = len(generator.layer_resolutions)
    state, _ = generator.advance(negative, min(first, layers if stop is None else stop))
    return state


def repeat_state(state: SynthesisState, times: int) -> SynthesisState:
    """The state for a batch of `times` copies, one after the other."""

    def repeat(part: Tensor | None) -> Tensor | None:
        return None if part is None else torch.cat([part] * times)  # cat keeps the memory format, repeat does not

    return SynthesisState(state.layer, repeat(state.features), repeat(state.rgb))


def end_images(generator: Generator, negative: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """(N,L,w_dim) codes of both ends -> (N,3,H,W) images of both, drawn together from the first row that differs on."""
    start = repeat_state(shared_prefix(generator, negative, positive), 2)
    low, high = generator.synthesize(torch.cat([negative, positive]), start=start)[0].chunk(2)
    return low, high


class ImageAttribution:
    """An attribution that needs nothing but both ends' images: where those exist already, no generator pass is left."""

    def __call__(
        self,
        generator: Generator,
        scorer: Scorer,  # noqa: ARG002  (the protocol passes it)
        negative: Tensor,
        positive: Tensor,
    ) -> Tensor:
        """(N,L,w_dim) codes of both ends -> (N,map_size,map_size) in [0,1]."""
        with torch.no_grad():
            return self.between(*end_images(generator, negative, positive))

    def between(self, negative: Tensor, positive: Tensor) -> Tensor:
        """(N,3,H,W) images of both ends in [-1,1] -> (N,map_size,map_size) in [0,1]."""
        raise NotImplementedError

    def of(self, original: Tensor, negative: Tensor, positive: Tensor) -> Tensor:  # noqa: ARG002
        """The same where the picture that is edited exists as well: those that look at it override this."""
        return self.between(negative, positive)


def image_gradient(scorer: Scorer, image: Tensor) -> Tensor:
    """d score / d image, (N,3,H,W). No parameter's `.grad` is touched; works inside no_grad and inference_mode."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = image.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(scorer.score(leaf).sum(), leaf)
    return gradient
