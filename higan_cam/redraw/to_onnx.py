"""An upscaler as an ONNX file, written node by node as the student's is, so that the same weights give the same bytes.

Input `image` (N,3,h,w) in [-1,1] of any size; output `large` (N,3,scale h,scale w), nominally in [-1,1].
It agrees with the network to 1e-5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from higan_cam.errors import ConfigError
from higan_cam.mask.student.to_onnx import Graph, onnx_problem
from higan_cam.redraw.network import Residual, UpscalerNetwork

CUBIC: dict[str, Any] = {"mode": "cubic", "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75}
"""PyTorch's bicubic enlargement."""


def onnx_bytes(network: UpscalerNetwork, kernel: str) -> bytes:
    """The ONNX file of an upscaler; it notes its scale, and the kernel that it learned from.

    Raises:
        ConfigError: the onnx library is not installed.
    """
    problem = onnx_problem()
    if problem is not None:
        raise ConfigError(problem)
    graph, scale = Graph(), network.scale
    seen = _convolved(graph, "image", network.first)
    *blocks, end = network.body
    x = seen
    for block in blocks:
        if not isinstance(block, Residual):
            raise TypeError(f"expected a block of the upscaler, got {type(block).__name__}")
        x = graph.add("Add", x, _convolved(graph, graph.add("Relu", _convolved(graph, x, block.first)), block.second))
    x = graph.add("Add", seen, _convolved(graph, x, end))
    detail = graph.add("DepthToSpace", _convolved(graph, x, network.last), blocksize=scale, mode="CRD")
    plain = graph.add("Resize", "image", "", graph.constant(np.array([1, 1, scale, scale], np.float32)), **CUBIC)
    graph.add("Add", plain, detail, outputs=("large",))
    notes = {"scale": str(scale), "kernel": kernel}
    return graph.model("upscaler", {"image": ["n", 3, "h", "w"]}, {"large": ["n", 3, "H", "W"]}, notes)


def _convolved(graph: Graph, x: str, layer: nn.Module) -> str:
    if not isinstance(layer, nn.Conv2d) or layer.bias is None:
        raise TypeError("expected a convolution with a bias")
    return str(graph.add("Conv", x, graph.constant(layer.weight), graph.constant(layer.bias), pads=[1, 1, 1, 1]))
