"""A student as an ONNX file, for programs without PyTorch: written node by node, so that the same weights give the same
bytes. (PyTorch's own exporter puts the paths of the exporting machine into the file.)

Input `image` (N,3,S,S) in [-1,1] at the student's side; outputs `heat` and `mask` (N,S/2,S/2) in [0,1]. Outputs agree
with `Student.maps` to 1e-5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.mask.student.network import SHRINK
from higan_cam.mask.student.student import Student

OPSET, IR_VERSION = 17, 8
"""Of ONNX 1.12 (2022): what reads ONNX today reads these."""
PRODUCER = "higan-cam"
Shape = list[int | str]
"""Sizes, or the names of those that are open."""
NEAREST: dict[str, Any] = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
"""Resizing that repeats pixels."""


def onnx_problem() -> str | None:
    """Why no ONNX file can be written, with the way out; None where one can."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        return "the onnx library is not installed: pip install 'higan-cam[onnx]'"
    return None


def onnx_bytes(student: Student) -> bytes:
    """The ONNX file of a student.

    Raises:
        ConfigError: the onnx library is not installed.
    """
    problem = onnx_problem()
    if problem is not None:
        raise ConfigError(problem)
    graph = Graph()
    heat, mask = _outputs(graph, student)
    size, side = student.side // SHRINK, student.side
    outputs: dict[str, Shape] = {name: ["n", size, size] for name in (heat, mask)}
    notes = {"attribute": student.attribute, "side": str(side)}
    return graph.model("student", {"image": ["n", 3, side, side]}, outputs, notes)


class Graph:
    """Nodes and constants in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, outputs: int | tuple[str, ...] = 1, **attributes: Any) -> Any:
        """A node -> the name of its output, or names where there are several."""
        from onnx import helper

        numbered = f"{kind}_{len(self.nodes)}"
        names = outputs if isinstance(outputs, tuple) else tuple(f"{numbered}_{i}" for i in range(outputs))
        self.nodes.append(helper.make_node(kind, list(inputs), list(names), **attributes))
        return names[0] if len(names) == 1 else names

    def model(
        self, name: str, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], notes: Mapping[str, str]
    ) -> bytes:
        """The whole file: inputs and outputs with their shapes, all float32, and notes in its metadata."""
        from onnx import TensorProto, checker, helper

        ends = [
            [helper.make_tensor_value_info(each, TensorProto.FLOAT, shape) for each, shape in side.items()]
            for side in (inputs, outputs)
        ]
        drawn = helper.make_graph(self.nodes, name, *ends, self.constants)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(drawn, producer_name=PRODUCER, ir_version=IR_VERSION, opset_imports=opsets)
        helper.set_model_props(model, dict(notes))
        checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def constant(self, values: Tensor | np.ndarray[Any, Any]) -> str:
        """A constant -> its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def _outputs(graph: Graph, student: Student) -> tuple[str, str]:
    """The nodes of the network's `forward`, sigmoid and split included."""
    network = student.network
    x = graph.add("SpaceToDepth", "image", blocksize=SHRINK)
    x = _convolved(graph, x, _parts(network.first)[0], from_squares=True)
    skipped = []
    for down in network.down:
        skipped.append(x)
        x = _both(graph, x, down)
    for up in network.up:
        twice = graph.constant(np.array([1, 1, 2, 2], np.float32))
        x = graph.add("Resize", x, "", twice, **NEAREST)
        x = _both(graph, graph.add("Concat", x, skipped.pop(), axis=1), up)
    likely = graph.add("Sigmoid", _convolved(graph, x, network.head, rectified=False))
    channel = graph.constant(np.array([1], np.int64))
    heat, mask = graph.add("Split", likely, outputs=2, axis=1)
    return (
        graph.add("Squeeze", heat, channel, outputs=("heat",)),
        graph.add("Squeeze", mask, channel, outputs=("mask",)),
    )


def _both(graph: Graph, x: str, block: nn.Module) -> str:
    for one in _parts(block):
        x = _convolved(graph, x, _parts(one)[0])
    return x


def _parts(block: nn.Module) -> list[nn.Module]:
    return list(block.children())


def _convolved(graph: Graph, x: str, layer: nn.Module, *, rectified: bool = True, from_squares: bool = False) -> str:
    """A folded convolution. ONNX counts the pixels of a square before the channels, PyTorch after them."""
    if not isinstance(layer, nn.Conv2d) or layer.bias is None:
        raise ConfigError(f"expected a student for inference, with batch normalisation folded; got {layer}")
    weight = layer.weight
    if from_squares:
        outputs, inputs, *sides = weight.shape
        squares = SHRINK**2
        weight = weight.reshape(outputs, inputs // squares, squares, *sides).transpose(1, 2).reshape(weight.shape)
    (stride, _), (pad, _) = layer.stride, (int(layer.padding[0]), 0)
    names = graph.constant(weight), graph.constant(layer.bias)
    result: str = graph.add("Conv", x, *names, strides=[stride, stride], pads=[pad] * 4)
    return str(graph.add("Relu", result)) if rectified else result
