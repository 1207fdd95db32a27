"""Boundaries as files: `<attribute>.safetensors` (normal, offset, where it applies) and `<attribute>.json` (metrics).

The tensors alone are a complete boundary, and without an offset a direction, whose offset is read as 0; the JSON says
how it was fitted and how well. Both are deterministic: one boundary, one sequence of bytes. HiGAN's own format is in
`higan_npy`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from higan_cam.errors import StoreError, WeightsError
from higan_cam.files import write_whole
from higan_cam.manipulate.higan_npy import MAX_BYTES, decode_npy, encode_npy, unit_vector
from higan_cam.manipulate.layer_lists import format_layers, layer_rows
from higan_cam.types import Boundary, Space
from higan_cam.weights.kinds import check_array, known_kind
from higan_cam.weights.zoo import resolve

_KEY = "boundary"
"""The one metadata entry of the safetensors header; several would have no fixed order."""


def encode_boundary(boundary: Boundary) -> tuple[bytes, bytes]:
    """A boundary -> the bytes of its safetensors file and of the JSON beside it.

    Raises:
        ValueError: if the metrics hold NaN or something JSON has no form for.
    """
    about = _about(boundary)
    tensors: dict[str, npt.NDArray[Any]] = {
        "normal": np.ascontiguousarray(boundary.normal, dtype=np.float32),
        "offset": np.array([boundary.offset], dtype=np.float64),
    }
    header = {_KEY: json.dumps(about, sort_keys=True)}
    document = {**about, "dimension": len(boundary.normal), "metrics": dict(boundary.metrics)}
    text = json.dumps(document, sort_keys=True, indent=2, allow_nan=False) + "\n"
    return save_tensors(tensors, metadata=header), text.encode()


def decode_boundary(tensors: bytes, document: bytes | None = None, name: str = "boundary") -> Boundary:
    """The inverse of `encode_boundary`; without the JSON the metrics are empty. `name` is what errors name.

    Raises:
        WeightsError: if a file is too large, damaged, not a boundary, or the two are not of the same boundary.
    """
    try:
        if max(len(tensors), len(document or b"")) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES} bytes")
        boundary = _from_tensors(tensors)
        return boundary if document is None else _with_metrics(boundary, document)
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise WeightsError(f"{name}: not a boundary file ({error}); fit it again or name another") from error


def save_boundary(boundary: Boundary, folder: str | Path) -> tuple[Path, Path]:
    """Write `<attribute>.safetensors` and `<attribute>.json` into a local folder, making it where needed.

    Raises:
        StoreError: if they cannot be written, or the attribute is not a plain file name.
    """
    if not _is_file_name(boundary.attribute):
        raise StoreError(f"boundary attribute {boundary.attribute!r} names its files, so it must be a plain name")
    base = Path(folder) / boundary.attribute
    paths = (base.with_name(f"{base.name}.safetensors"), base.with_name(f"{base.name}.json"))
    for path, data in zip(paths, encode_boundary(boundary), strict=True):
        _write(path, data)
    return paths


def load_boundary(path: str | Path) -> Boundary:
    """Read `<attribute>.safetensors` (with the JSON beside it, if there) or HiGAN's `<attribute>_boundary.npy`.

    Args:
        path: of the file, or the name of a fetched one, such as `stylegan_bedroom/indoor_lighting`.

    Raises:
        WeightsError: if the file is missing, of another kind, unsafe, or damaged.
    """
    path = resolve(str(path))
    if path.suffix.lower() not in (".npy", ".safetensors"):
        raise WeightsError(f"{path}: expected a boundary as .safetensors, or HiGAN's .npy")
    tensors = _read(path)
    if path.suffix.lower() == ".npy":
        check_array(path)
        return decode_npy(tensors, str(path))
    known_kind(path)
    beside = path.with_suffix(".json")
    return decode_boundary(tensors, _read(beside) if beside.exists() else None, str(path))


def export_npy(boundary: Boundary, path: str | Path) -> Path:
    """Write a boundary in HiGAN's format, for its own tools to read.

    Raises:
        StoreError: if it cannot be written.
    """
    return _write(Path(path), encode_npy(boundary))


def _about(boundary: Boundary) -> dict[str, str]:
    return {
        "attribute": boundary.attribute,
        "space": boundary.space,
        "layers": format_layers(boundary.layers),
    }


def _is_file_name(attribute: object) -> bool:
    return isinstance(attribute, str) and re.fullmatch(r"\w[\w.-]{0,99}", attribute) is not None


def _from_tensors(data: bytes) -> Boundary:
    tensors = load_tensors(data)
    # the library hands out metadata for paths only; the header is 8 bytes of length and that much JSON
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about: Mapping[str, Any] = json.loads(header["__metadata__"][_KEY])
    offset = tensors.get("offset", np.zeros(1)).reshape(-1)  # a direction has none
    if offset.shape != (1,) or not np.isfinite(offset).all():
        raise ValueError("offset must be one finite number")
    if about["space"] not in get_args(Space):
        raise ValueError(f"space must be one of {get_args(Space)}, got {about['space']!r}")
    if not _is_file_name(about["attribute"]):
        raise ValueError(f"attribute must be a plain name, got {about['attribute']!r}")
    layers = layer_rows(about["layers"]) if about["layers"] else ()
    normal = unit_vector(tensors["normal"])
    return Boundary(normal, float(offset[0]), cast(Space, about["space"]), layers, about["attribute"])


def _with_metrics(boundary: Boundary, document: bytes) -> Boundary:
    values = json.loads(document)
    if not isinstance(values, dict) or not isinstance(values.get("metrics"), dict):
        raise ValueError("the JSON beside it has no metrics")
    differing = [key for key, value in _about(boundary).items() if values.get(key) != value]
    if differing:
        raise ValueError(f"the JSON beside it differs in {', '.join(differing)}")
    return replace(boundary, metrics=values["metrics"])


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); check boundary.weights") from error


def _write(path: Path, data: bytes) -> Path:
    try:
        write_whole(path, data)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return path
