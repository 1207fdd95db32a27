"""Segmenters in files that hold a program beside the weights: ONNX and TorchScript.

An ONNX file is a graph of known operators; ONNX Runtime reads it and runs nothing else. A TorchScript file is code in
PyTorch's own small language, and loading one runs it: it cannot call Python, but it can do what PyTorch's operators
can, reading files among it. Load only what you would run as a program.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label.segmenters.network_segmenter import BATCH, NetworkSegmenter, Settings
from higan_cam.weights.paths import check_there

ONNX = ".onnx"
SETTINGS = "settings"
"""What both call the JSON text with `Settings`: an ONNX file in its metadata, TorchScript in an extra file."""


def load_onnx(path: Path, given: str | None = None) -> NetworkSegmenter:
    """The segmenter in an ONNX file, on the CPU; not differentiable.

    It has one float32 input (N,3,h,w); its first output is (N,C,h',w'). A fixed batch and side are kept to.

    Args:
        given: name of the label map, where the file does not say, or says another.

    Raises:
        ConfigError: the library is not installed.
        WeightsError: no such file, no ONNX file, other inputs, no label map.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(f"{path}: needs the library onnxruntime: pip install 'higan-cam[onnx]'") from error
    check_there(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings go to the terminal
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise WeightsError(f"{path}: not a usable ONNX file ({str(error)[:200]})") from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or not _takes_pictures(inputs[0]):
        shapes = ", ".join(f"{each.name} {each.shape} {each.type}" for each in inputs)
        raise WeightsError(f"{path}: takes {shapes}; expected one float32 input of pictures (N,3,h,w)")
    batch, _, height, width = inputs[0].shape
    written = dict(session.get_modelmeta().custom_metadata_map)
    settings = _settings(path, written.get(SETTINGS), given)
    if isinstance(height, int):
        if height != width:
            raise WeightsError(f"{path}: takes pictures of {width} x {height} px; expected square ones")
        settings = replace(settings, side=height)
    run = _runs(session, inputs[0].name, batch if isinstance(batch, int) else None, path)
    return NetworkSegmenter(run, settings, str(path))


def load_torchscript(path: Path, given: str | None = None) -> NetworkSegmenter:
    """The segmenter in a TorchScript file, on the CPU, in eval mode, parameters frozen; loading one runs its code.

    Errors and `given` as `load_onnx`.
    """
    extra: dict[str, Any] = {SETTINGS: ""}
    try:
        # It warns that new files should be of another kind, which helps nobody who has this one.
        with warnings.catch_warnings(action="ignore"):
            module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"{path}: not a usable TorchScript file ({str(error)[:200]})") from error
    text: str | bytes = extra[SETTINGS]
    written = text.decode("utf-8", errors="replace") if isinstance(text, bytes) else text
    settings = _settings(path, written or None, given)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return NetworkSegmenter(module.eval(), settings, str(path))


def _settings(path: Path, written: str | None, given: str | None) -> Settings:
    """What the file says, with the label map that is given."""
    try:
        said: Mapping[str, Any] = json.loads(written) if written else {}
        return Settings(**{**said, **({} if given is None else {"label_map": given})})
    except (TypeError, ValueError, ConfigError) as error:
        raise WeightsError(
            f"{path}: does not say what its classes are ({error}); name a label map behind it, such as "
            f"{path.name}#lapa, or write {SETTINGS!r} into it"
        ) from error


def _takes_pictures(taken: Any) -> bool:
    """Whether an ONNX input is (N,3,h,w) float32; a size that is no number may be any."""
    shape = taken.shape
    return taken.type == "tensor(float)" and len(shape) == 4 and (shape[1] == 3 or not isinstance(shape[1], int))


def _runs(session: Any, name: str, batch: int | None, path: Path) -> Callable[[Tensor], Tensor]:
    """(N,3,h,w) -> the first output, in batches of exactly that size where the file wants one."""
    output = session.get_outputs()[0].name

    def run(seen: Tensor) -> Tensor:
        outputs = []
        for part in seen.detach().split(batch or BATCH):
            filled = torch.cat([part, part[-1:].expand((batch or len(part)) - len(part), -1, -1, -1)])
            try:
                given = session.run([output], {name: filled.cpu().numpy()})[0]
            except Exception as error:
                raise WeightsError(
                    f"{path}: cannot run on pictures {tuple(filled.shape)} ({str(error)[:200]}); its {SETTINGS!r} "
                    "should say by `side` which side it takes"
                ) from error
            outputs.append(torch.from_numpy(given[: len(part)]))
        return torch.cat(outputs).to(seen.device)

    return run
