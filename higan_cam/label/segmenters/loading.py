"""Segmenters by name or file: which loader a file needs, which label map and detector it gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from higan_cam.errors import unknown_name
from higan_cam.label.segmenters.detection import Detector, Mtcnn, WholePicture
from higan_cam.label.segmenters.facexformer.segmenter import NAME as FACEXFORMER
from higan_cam.label.segmenters.facexformer.segmenter import FaceXFormerSegmenter, load_facexformer
from higan_cam.label.segmenters.label_maps import label_map
from higan_cam.label.segmenters.mtcnn import ZOO
from higan_cam.label.segmenters.network_segmenter import NetworkSegmenter
from higan_cam.label.segmenters.programs import ONNX, SETTINGS, load_onnx, load_torchscript
from higan_cam.label.segmenters.segmenter import Segmenter
from higan_cam.label.segmenters.u_net import load_u_net
from higan_cam.weights.embedded import EMBEDDED_SEGMENTERS, embedded_path
from higan_cam.weights.files import load_tensors
from higan_cam.weights.kinds import TORCHSCRIPT, kind_of, known_kind
from higan_cam.weights.paths import check_there, split_network
from higan_cam.weights.zoo import path_of, resolve, weights_file

DETECTORS: Mapping[str, Callable[[], Detector]] = {"mtcnn": Mtcnn, "whole": WholePicture}
"""`mtcnn` needs `higan-cam weights fetch mtcnn_pnet mtcnn_rnet mtcnn_onet`."""
BETWEEN = "+"
"""What stands between a label map and a detector."""


def load_segmenter(weights: str = "faces", *, detector: Detector | None = None) -> Segmenter:
    """A segmenter, ready for use.

    Args:
        weights: `faces` (embedded; of procedural faces), a name of the zoo (`facexformer`), or a file: .onnx,
            TorchScript (loading one runs its code), .safetensors of `jobs/train_segmenter.py`, or FaceXFormer's own.
            `FILE#OPTIONS` gives a file a label map, a detector or both: `mine.onnx#lapa`, `mine.onnx#lapa+mtcnn`,
            `facexformer#whole`.
        detector: an object in place of a named one. Without either, FaceXFormer looks for the face by MTCNN, and
            others take the picture as it is.

    Raises:
        ConfigError: an option that there is not; a library that is not installed.
        WeightsError: a file that is missing, unsafe, or does not fit; weights that are not fetched yet.
    """
    name, options = split_network(weights)
    classes, made = _options(options)
    path = embedded_path(EMBEDDED_SEGMENTERS[name].file) if name in EMBEDDED_SEGMENTERS else resolve(name)
    return _loaded(path, classes, made() if detector is None and made is not None else detector)


def segmenter_files(weights: str) -> dict[str, Path]:
    """{field: file} of what decides the maps, there or not: the network's, and MTCNN's three where it finds the face.

    ConfigError, WeightsError: an option that there is not, a damaged .safetensors.
    """
    name, options = split_network(weights)
    path = weights_file(name, EMBEDDED_SEGMENTERS)
    made = _options(options)[1] or (Mtcnn if _is_facexformer(path) else WholePicture)
    detector = {f"detector.{each}": path_of(each) for each in ZOO} if made is Mtcnn else {}
    return {"weights": path, **detector}


def _loaded(path: Path, classes: str | None, detector: Detector | None) -> Segmenter:
    check_there(path)
    if path.suffix == ONNX:
        return _with(load_onnx(path, classes), detector)
    if kind_of(path) == TORCHSCRIPT:
        return _with(load_torchscript(path, classes), detector)
    known_kind(path)  # what it is instead is told before a detector is looked for
    if not _is_facexformer(path):
        return _with(load_u_net(path, classes), detector)
    detector = detector or Mtcnn()  # before the large file, because it may be missing
    return FaceXFormerSegmenter(load_facexformer(str(path)), detector, label_map(classes or FACEXFORMER))


def _is_facexformer(path: Path) -> bool:
    """Whether a file is read as FaceXFormer's: there, and of tensors that do not say how they want their pictures."""
    if path.suffix == ONNX or not path.is_file():
        return False
    kind = kind_of(path)
    return kind == "torch" or (kind == "safetensors" and SETTINGS not in load_tensors(path)[1])


def _with(segmenter: NetworkSegmenter, detector: Detector | None) -> NetworkSegmenter:
    return segmenter if detector is None else replace(segmenter, detector=detector)


def _options(text: str | None) -> tuple[str | None, Callable[[], Detector] | None]:
    """The label map's name and what makes the detector that `LABEL_MAP+DETECTOR`, either or neither, stands for."""
    classes: str | None = None
    detector: Callable[[], Detector] | None = None
    for option in text.split(BETWEEN) if text else ():
        if option in DETECTORS:
            detector = DETECTORS[option]
        elif classes is None:
            classes = label_map(option).name
        else:
            raise unknown_name("detector", option, DETECTORS)
    return classes, detector
