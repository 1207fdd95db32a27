"""A translator as an ONNX file, written node by node as the student's is, so that the same weights give the same bytes.

Inputs `image` (N,3,H,W) in [-1,1], sides that divide by `multiple` (noted in the file); where the network asks for
them `mask` (N,1,H,W) in [0,1] and `gain` (N). Output `light` (N,3,H,W), in the units of the response that is noted; of
a network that takes light away `density` (N,3,H,W): light times exp(-density) is left. It agrees with the network to
1e-4 up to 128 px. Larger flat pictures are further off in ONNX Runtime, of light up to 1.2: .001 measured at 256 px,
.009 at 512.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.mask.student.to_onnx import NEAREST, Graph, Shape, onnx_problem
from higan_cam.relight.translator.network import BETA, Block
from higan_cam.relight.translator.norms import EPSILON, Norm
from higan_cam.relight.translator.translator import Translator


def onnx_bytes(translator: Translator) -> bytes:
    """The ONNX file of a translator.

    Raises:
        ConfigError: the onnx library is not installed.
    """
    problem = onnx_problem()
    if problem is not None:
        raise ConfigError(problem)
    graph, network = Graph(), translator.network
    inputs: dict[str, Shape] = {"image": ["n", 3, "h", "w"]}
    inputs |= {"mask": ["n", 1, "h", "w"]} if network.condition else {}
    inputs |= {"gain": ["n"]} if network.dial is not None else {}
    output = "density" if translator.burning else "light"
    _drawn(graph, translator, output)
    notes = {"response": translator.response.name, "side": str(translator.side), "multiple": str(network.multiple)}
    return graph.model("translator", inputs, {output: ["n", 3, "h", "w"]}, notes)


def _drawn(graph: Graph, translator: Translator, output: str) -> None:
    """The nodes of the network's `forward`, whose answer has this name."""
    network = translator.network
    turned = None
    if network.dial is not None:
        column = graph.add("Unsqueeze", "gain", graph.constant(np.array([1], np.int64)))
        turned = _silu(graph, _dense(graph, column, network.dial))
    x = graph.add("Concat", "image", "mask", axis=1) if network.condition else "image"
    x = _block(graph, x, network.first, turned)
    skipped = []
    for pair in network.down:
        skipped.append(x)
        x = _both(graph, x, pair, turned)
    for pair in network.up:
        twice = graph.constant(np.array([1, 1, 2, 2], np.float32))
        x = graph.add("Resize", x, "", twice, **NEAREST)
        x = _both(graph, graph.add("Concat", x, skipped.pop(), axis=1), pair, turned)
    beta = graph.constant(np.array(BETA, np.float32))
    steep = graph.add("Softplus", graph.add("Mul", _convolved(graph, x, network.head), beta))
    graph.add("Div", steep, beta, outputs=(output,))


def _both(graph: Graph, x: str, pair: nn.Module, turned: str | None) -> str:
    for block in pair.children():
        x = _block(graph, x, block, turned)
    return x


def _block(graph: Graph, x: str, block: nn.Module, turned: str | None) -> str:
    if not isinstance(block, Block):
        raise TypeError(f"expected a block of the translator, got {type(block).__name__}")
    y = _normalised(graph, _convolved(graph, x, block.convolution), block.norm)
    if block.dial is not None and turned is not None:
        scale, shift = graph.add("Split", _dense(graph, turned, block.dial), outputs=2, axis=1)
        sides = graph.constant(np.array([2, 3], np.int64))
        more = graph.add("Add", graph.add("Unsqueeze", scale, sides), graph.constant(np.array(1, np.float32)))
        y = graph.add("Add", graph.add("Mul", y, more), graph.add("Unsqueeze", shift, sides))
    return _silu(graph, y)


def _normalised(graph: Graph, x: str, norm: Norm) -> str:
    """ONNX has no norm of groups in this version: each group is a channel for a moment."""
    grouped = graph.add("Reshape", x, graph.constant(np.array([0, norm.num_groups, -1], np.int64)))
    ones, zeros = (graph.constant(np.full(norm.num_groups, value, np.float32)) for value in (1, 0))
    normal = graph.add("InstanceNormalization", grouped, ones, zeros, epsilon=EPSILON)
    back = graph.add("Reshape", normal, graph.add("Shape", x))
    scaled = graph.add("Mul", back, graph.constant(_per_channel(norm.weight)))
    return str(graph.add("Add", scaled, graph.constant(_per_channel(norm.bias))))


def _per_channel(values: Tensor) -> Tensor:
    return values[:, None, None]


def _convolved(graph: Graph, x: str, layer: nn.Conv2d) -> str:
    if layer.bias is None:
        raise TypeError("expected a convolution with a bias")
    (stride, _), pad = layer.stride, int(layer.padding[0])
    names = graph.constant(layer.weight), graph.constant(layer.bias)
    return str(graph.add("Conv", x, *names, strides=[stride, stride], pads=[pad] * 4))


def _dense(graph: Graph, x: str, layer: nn.Linear) -> str:
    return str(graph.add("Gemm", x, graph.constant(layer.weight), graph.constant(layer.bias), transB=1))


def _silu(graph: Graph, x: str) -> str:
    return str(graph.add("Mul", x, graph.add("Sigmoid", x)))
