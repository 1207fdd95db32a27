"""What generators share: codes per row, truncation where there is a w, and running layers one by one with taps.

An architecture supplies one convolution layer at a time and the image after the last; partial synthesis, taps and
argument checks live here once. Shapes: N batch, L rows of w+, C channels.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.types import Precision, SynthesisState

MIN_RESOLUTION, MAX_RESOLUTION = 8, 1024


def block_resolutions(resolution: int) -> tuple[int, ...]:
    """Sides of the square feature maps, pixels: 4, 8, …, `resolution`. ValueError unless a power of 2 in 8..1024."""
    if resolution not in {2**power for power in range(3, 11)}:
        raise ValueError(
            f"resolution must be a power of 2 from {MIN_RESOLUTION} to {MAX_RESOLUTION} px, got {resolution}"
        )
    return tuple(2**power for power in range(2, int(math.log2(resolution)) + 1))


def channels_at(
    resolutions: Sequence[int], channels: Mapping[int, int] | Sequence[int] | None, base: int
) -> tuple[int, ...]:
    """Channels per feature-map side: a table, a sequence from 4 px up, or the published min(base / side, 512).

    ValueError: a side without an entry, a sequence of the wrong length, or a count below 1.
    """
    if channels is None:
        return tuple(min(base // side, 512) for side in resolutions)
    if isinstance(channels, Mapping):
        missing = [side for side in resolutions if side not in channels]
        if missing:
            raise ValueError(f"channels has no entry for {missing} px; found {sorted(channels)}")
        counts = tuple(int(channels[side]) for side in resolutions)
    else:
        counts = tuple(int(count) for count in channels)
    if len(counts) != len(resolutions) or min(counts) < 1:
        raise ValueError(f"channels needs {len(resolutions)} counts >= 1 (4 to {resolutions[-1]} px), got {counts}")
    return counts


def truncation_strength(rows: int, psi: float, truncated: int) -> tuple[float, ...]:
    """Per w+ row: psi on the first `truncated` rows, 1 elsewhere."""
    return tuple(float(psi) if row < truncated else 1.0 for row in range(rows))


class Truncation(nn.Module):
    """w -> w+: one copy per row, truncated rows pulled towards the mean code by psi (StyleGAN, section 3.2 / app. B).

    Buffers: `w_avg` (w_dim,), `truncation` (1,L,1).
    """

    w_avg: Tensor
    truncation: Tensor

    def __init__(self, w_dim: int, strength: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("w_avg", torch.zeros(w_dim))
        self.register_buffer("truncation", torch.tensor(strength, dtype=torch.float32).view(1, -1, 1))

    def forward(self, w: Tensor) -> Tensor:
        """(N,w_dim) -> (N,L,w_dim)."""
        return self.w_avg + (w - self.w_avg).unsqueeze(1) * self.truncation


def normal(*shape: int, std: float = 1.0) -> Tensor:
    """Independent N(0, std^2) values to train from; only the shape where a file is to give them (the meta device).

    There, PyTorch's own would import its compiler, for seconds, to draw nothing.
    """
    values = torch.empty(shape)
    return values if values.is_meta else values.normal_(std=std)


def outer_square(taps: Sequence[float]) -> Tensor:
    """(K,K) filter from its (K,) factor. On the CPU even for a network on the meta device: see `normal`."""
    return torch.from_numpy(np.outer(taps, taps).astype(np.float32))


def pixel_norm(z: Tensor, eps: float = 1e-8) -> Tensor:
    """(N,D) -> (N,D) with unit mean square per row (ProGAN, section 4.2)."""
    return z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + eps)


def _for_batch(value: Tensor, w_plus: Tensor) -> Tensor:
    """(1 or N,…) -> (N,…): what no row has entered since a state of batch 1 is still the same for the whole batch."""
    return value if len(value) == len(w_plus) else value.expand(len(w_plus), *value.shape[1:])


class LayeredGenerator(nn.Module):
    """Base of the `Generator` protocol's implementations; see `higan_cam.types.Generator` for the contract.

    Args:
        resolution: side of the image, pixels, a power of 2 from 8 to 1024.
        z_dim, w_dim: code lengths.
        edit_strength: one factor per row of w+, which sets their number.
    """

    def __init__(self, *, resolution: int, z_dim: int, w_dim: int, edit_strength: Sequence[float]) -> None:
        super().__init__()
        self.block_resolutions = block_resolutions(resolution)
        self.resolution = resolution
        self.z_dim = z_dim
        self.w_dim = w_dim
        self.edit_strength = tuple(edit_strength)
        self.num_layers = len(self.edit_strength)
        self.layer_resolutions = self._layer_resolutions()
        self.precision: Precision = "float32"

    @abstractmethod
    def _layer_resolutions(self) -> tuple[int, ...]:
        """Side of each convolution layer's output, pixels."""

    @abstractmethod
    def _layer(self, state: SynthesisState, w_plus: Tensor) -> SynthesisState:
        """Run layer `state.layer`. The result must depend on w+ rows up to that layer only."""

    @abstractmethod
    def _image(self, state: SynthesisState, w_plus: Tensor) -> Tensor:
        """The image (N,3,H,W) from the state after the last layer."""

    @abstractmethod
    def map(self, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> (N,w_dim) codes, before truncation."""

    @abstractmethod
    def truncate(self, w: Tensor) -> Tensor:
        """(N,w_dim) -> (N,L,w_dim)."""

    def synthesize(
        self, w_plus: Tensor, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """(N,L,w_dim) -> image (N,3,H,W), nominally in [-1,1], not clamped; and {layer: (N,C,h,w)} for each tap.

        With `precision` bfloat16 the layers' products are 16-bit; image and taps are float32 all the same.
        """
        state, features = self.advance(w_plus, len(self.layer_resolutions), taps, start)
        with self._computing(w_plus):
            image = self._image(state, w_plus)
        return _for_batch(image, w_plus).to(w_plus.dtype), features

    def advance(
        self, w_plus: Tensor, stop: int, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[SynthesisState, dict[int, Tensor]]:
        """Run layers [start.layer, stop) only; the state depends on w+ rows below `stop` alone.

        So codes that differ only in rows >= stop may share it. `start` has batch 1 or N.
        ValueError: w_plus of another shape, or a tap or stop outside the layers that are left.
        """
        state = start if start is not None else SynthesisState(layer=0)
        self._check(w_plus, state, stop, taps)
        tapped: dict[int, Tensor] = {}
        while state.layer < stop:
            layer = state.layer
            with self._computing(w_plus):
                state = self._layer(state, w_plus)
            if layer in taps and state.features is not None:
                # the later layers go on from the tap itself, so that gradients reach it
                tapped[layer] = _for_batch(state.features, w_plus).to(w_plus.dtype)
                state = replace(state, features=tapped[layer])
        return state, tapped

    def _computing(self, w_plus: Tensor) -> AbstractContextManager[object]:
        """The precision of the layers' products; nothing changes with float32 or tf32 (see `Precision`)."""
        if self.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(w_plus.device.type, torch.bfloat16)

    def forward(self, z: Tensor) -> Tensor:
        """(N,z_dim) latents -> image (N,3,H,W)."""
        return self.synthesize(self.truncate(self.map(z)))[0]

    def _check(self, w_plus: Tensor, state: SynthesisState, stop: int, taps: Sequence[int]) -> None:
        if w_plus.ndim != 3 or w_plus.shape[1:] != (self.num_layers, self.w_dim):
            raise ValueError(
                f"w_plus must be (N,{self.num_layers},{self.w_dim}), got {tuple(w_plus.shape)}; "
                "truncate() turns w into w+"
            )
        layers = len(self.layer_resolutions)
        if not state.layer <= stop <= layers:
            raise ValueError(f"stop must be in {state.layer}..{layers}, got {stop}")
        outside = [tap for tap in taps if not state.layer <= tap < stop]
        if outside:
            raise ValueError(f"taps must be in {state.layer}..{stop - 1} (the layers that run), got {outside}")
        if state.features is not None and state.features.shape[0] not in {1, w_plus.shape[0]}:
            raise ValueError(
                f"start has batch {state.features.shape[0]}, w_plus has {w_plus.shape[0]}: needs 1 or the same"
            )


class StyleBasedGenerator(LayeredGenerator):
    """A mapping network, w+ with two rows per resolution, and truncation towards the mean code.

    Args:
        resolution, z_dim, w_dim: as in `LayeredGenerator`.
        truncation_psi: pull towards the mean code, 1 for none.
        truncation_layers: number of w+ rows it applies to, from row 0.
    """

    truncation: Truncation

    def __init__(
        self, *, resolution: int, z_dim: int, w_dim: int, truncation_psi: float, truncation_layers: int
    ) -> None:
        strength = truncation_strength(2 * len(block_resolutions(resolution)), truncation_psi, truncation_layers)
        super().__init__(resolution=resolution, z_dim=z_dim, w_dim=w_dim, edit_strength=strength)

    def truncate(self, w: Tensor) -> Tensor:
        """(N,w_dim) -> (N,L,w_dim): w repeated per layer, pulled towards the mean code on truncated layers."""
        w_plus: Tensor = self.truncation(w)
        return w_plus


class LatentGenerator(LayeredGenerator):
    """A generator without a w: its codes are z, and its w+ is one row that every layer comes from.

    So an edit moves z and reaches the whole image; there is nothing to truncate and there are no layers to choose.
    """

    def __init__(self, *, resolution: int, z_dim: int) -> None:
        super().__init__(resolution=resolution, z_dim=z_dim, w_dim=z_dim, edit_strength=(1.0,))

    def truncate(self, w: Tensor) -> Tensor:
        """(N,z_dim) -> (N,1,z_dim), unchanged."""
        return w.unsqueeze(1)
