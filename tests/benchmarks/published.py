"""The published HiGAN_CAM mask of one latent, step by step as its description says, on plain StyleGAN layers.

Per end of the edit and per tapped layer: one whole forward pass with a graph, the sum of that layer's output as the
score, one backward pass to the layer's output, channel weights as mean gradients, a loop over channels. Then min-max
maps, their difference per layer, `cv2.resize`, the sum over layers, scikit-learn's DBSCAN, and ellipses of the three
most important clusters. Only here to be measured against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import DBSCAN
from torch import Tensor

from higan_cam.generate.stylegan import StyleGAN
from higan_cam.generate.stylegan_layers import FUSED_FROM
from higan_cam.types import ByteArray, FloatArray, IntArray

GAIN = math.sqrt(2.0)


@dataclass(frozen=True)
class PlainLayers:
    """HiGAN's StyleGAN synthesis in separate steps: scale, blur, noise, bias, activation, normalisation, style."""

    parameters: dict[str, Tensor]
    layers: int
    map_size: int

    @classmethod
    def of(cls, generator: StyleGAN) -> PlainLayers:
        """Copies of the generator's tensors; parameters want gradients, as in a freshly loaded network."""
        learned = {name for name, _ in generator.synthesis.named_parameters()}
        state = generator.synthesis.state_dict()
        tensors = {key: value.detach().clone().requires_grad_(key in learned) for key, value in state.items()}
        return cls(tensors, len(generator.layer_resolutions), generator.resolution)

    def __call__(self, code: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(1,L,w_dim) -> image (1,3,H,W), and the output (1,C,h,w) of every layer."""
        x, outputs = self.parameters["layer0.const"], []
        for layer in range(self.layers):
            x = self._epilogue(layer, self._convolve(layer, x) if layer else x, code[:, layer])
            outputs.append(x)
        last = f"output{self.layers // 2 - 1}"
        weight = self.parameters[f"{last}.conv.weight"]
        return F.conv2d(x, weight * (1 / math.sqrt(weight.shape[1])), self.parameters[f"{last}.bias"]), outputs

    def zero_gradients(self) -> None:
        """Forget all gradients."""
        for tensor in self.parameters.values():
            tensor.grad = None

    def _convolve(self, layer: int, x: Tensor) -> Tensor:
        scale = GAIN / math.sqrt(9 * x.shape[1])
        if layer % 2 == 1:
            return F.conv2d(x, self.parameters[f"layer{layer}.conv.weight"], padding=1) * scale
        if 2 * x.shape[-1] >= FUSED_FROM:
            weight = F.pad(self.parameters[f"layer{layer}.weight"].permute(2, 3, 0, 1) * scale, (1, 1, 1, 1))
            kernel = weight[..., 1:, 1:] + weight[..., :-1, 1:] + weight[..., 1:, :-1] + weight[..., :-1, :-1]
            x = F.conv_transpose2d(x, kernel, stride=2, padding=1)
        else:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = F.conv2d(x, self.parameters[f"layer{layer}.conv.weight"], padding=1) * scale
        return F.conv2d(x, self.parameters[f"layer{layer}.blur.kernel"], padding=1, groups=x.shape[1])

    def _epilogue(self, layer: int, x: Tensor, w: Tensor) -> Tensor:
        get = {name: self.parameters[f"layer{layer}.epilogue.{name}"] for name in _EPILOGUE}
        x = x + get["apply_noise.noise"] * get["apply_noise.weight"].view(1, -1, 1, 1)
        x = F.leaky_relu(x + get["bias"].view(1, -1, 1, 1), 0.2)
        x = x - x.mean(dim=(2, 3), keepdim=True)
        x = x / torch.sqrt(x.square().mean(dim=(2, 3), keepdim=True) + 1e-8)
        weight = get["style_mod.dense.fc.weight"]
        style = F.linear(w, weight) * (1 / math.sqrt(weight.shape[1])) + get["style_mod.dense.wscale.bias"]
        scale, shift = style.view(-1, 2, x.shape[1], 1, 1).unbind(dim=1)
        return x * (scale + 1) + shift


_EPILOGUE = (
    "bias",
    "apply_noise.noise",
    "apply_noise.weight",
    "style_mod.dense.fc.weight",
    "style_mod.dense.wscale.bias",
)


def published_heat(network: PlainLayers, negative: Tensor, positive: Tensor, layers: tuple[int, ...]) -> FloatArray:
    """(1,L,w_dim) codes of both ends -> (S,S) heat in [0,1], S the image's side."""
    total = np.zeros((network.map_size, network.map_size), np.float32)
    for layer in layers:
        low, high = (_grad_cam(network, code, layer) for code in (negative, positive))
        change = high - low
        change = np.clip(change / (change.max() - change.min()), 0, 1)
        total += cv2.resize(change, total.shape, interpolation=cv2.INTER_LINEAR)
    heat: FloatArray = total / total.max()
    return heat


def published_masks(heat: FloatArray, eps: float = 4, min_samples: int = 40, top: int = 3) -> list[ByteArray]:
    """(S,S) heat -> ellipse masks (S,S) uint8 of the clusters with the largest mean heat x points."""
    pixels = np.argwhere(heat >= 0.5)
    labels = DBSCAN(eps=eps, min_samples=min_samples).fit_predict(pixels)
    clusters = [pixels[labels == label] for label in range(labels.max() + 1)]
    clusters.sort(key=lambda members: float(heat[members[:, 0], members[:, 1]].sum()), reverse=True)
    return [_ellipse(heat.shape, members) for members in clusters[:top]]


def _grad_cam(network: PlainLayers, code: Tensor, layer: int) -> FloatArray:
    _, outputs = network(code)
    features = outputs[layer]
    features.retain_grad()
    network.zero_gradients()
    features.sum().backward()
    gradient, values = features.grad, features.detach()[0]
    if gradient is None:
        raise ValueError(f"layer {layer} has no gradient")
    weights = gradient[0].mean(dim=(1, 2))
    cam = torch.zeros_like(values[0])
    for channel in range(len(weights)):
        cam += weights[channel] * values[channel]
    cam = cam.relu()
    cam = cam - cam.min()
    heat: FloatArray = (cam / cam.max()).numpy()
    return heat


def _ellipse(shape: tuple[int, ...], members: IntArray) -> ByteArray:
    values, _ = np.linalg.eigh(np.cov(members.T))
    y, x = members.mean(axis=0)
    axes = (max(1, int(3 * math.sqrt(max(values[1], 0)))), max(1, int(3 * math.sqrt(max(values[0], 0)))))
    mask = np.zeros(shape, np.uint8)
    cv2.ellipse(mask, (int(x), int(y)), axes, 90.0, 0.0, 360.0, 255, -1)
    return mask
