"""HiGAN's boundary files: a plain float array, or a 0-d object array that holds a pickled dict.

    plain    float32 [1, D]                                              (no layers: 0-4 for `view`, 6-11 otherwise)
    pickled  {"boundary": float64 [1, D], "meta_data": {"type": "attribute", "manipulate_layers": "6-11"}}

Layers are read as HiGAN's `parse_indices` does: text, a number, a list, tuple or array of them; None and "" are every
row. One normal for each row of w+ is one normal where all of them are equal. Neither form is ever unpickled: see
`weights.inert_pickle`. HiGAN drops the intercept, so the offset read is 0.
"""

from __future__ import annotations

import math
import pickle
import re
import struct
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from higan_cam.errors import WeightsError
from higan_cam.manipulate.layer_lists import called, format_layers, layer_rows, read_layers
from higan_cam.types import Boundary
from higan_cam.weights.inert_pickle import Call, read_pickle

MAX_BYTES = 1 << 20
"""Largest boundary file read; HiGAN's have 4,569 bytes."""
MAX_DIMENSION = 1 << 14
_MAX_AXES = 4
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '(\|O|[<>]f[248])', 'fortran_order': (True|False), 'shape': \(((?:\d{1,9}, ?)*\d{0,9}),?\), \} *\n"
)


def decode_npy(data: bytes, name: str) -> Boundary:
    """The bytes of a HiGAN `<attribute>_boundary.npy` -> a boundary in w with offset 0.

    Args:
        name: file name or path; gives the attribute, and is what errors name.

    Raises:
        WeightsError: if it is too large, not one of the two forms, refers to anything but a numpy array, or its normal
            is not a finite vector of unit length (to 1e-3).
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"{len(data)} bytes, expected at most {MAX_BYTES}")
        vector, layers = _parse(data)
        normal = unit_vector(vector)
        attribute = PurePath(name).name.removesuffix(".npy").removesuffix("_boundary")
        rows = layer_rows("0-4" if attribute == "view" else "6-11") if layers is None else layers
        return Boundary(normal, 0.0, "w", rows, attribute, {"method": "file", "format": "higan"})
    except ValueError as error:
        raise WeightsError(f"{name}: not a HiGAN boundary: {error}; nothing in it was run") from error


def encode_npy(boundary: Boundary) -> bytes:
    """A boundary -> the bytes of the file HiGAN itself would have written; the offset and the metrics are lost.

    The pickle is spelled out here (protocol 3, `numpy.core`), because a current numpy writes names that the old numpy
    which HiGAN needs does not have. Deterministic.
    """
    vector = _pickled_array("f8", (1, len(boundary.normal)), _bytes(boundary.normal.astype("<f8").tobytes()))
    meta = _dict(type=_text("attribute"), manipulate_layers=_text(format_layers(boundary.layers)))
    items = pickle.EMPTY_LIST + _dict(boundary=vector, meta_data=meta) + pickle.APPEND
    body = pickle.PROTO + b"\x03" + _pickled_array("O8", (), items) + pickle.STOP
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    # numpy aligns the data to 64 bytes; the header's length counts its padding and the line feed
    padded = header.ljust(-(-(len(header) + 11) // 64) * 64 - 11) + b"\n"
    return _MAGIC + struct.pack("<H", len(padded)) + padded + body


def unit_vector(vector: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """(D,), (1,D), or (...,L,D) of equal rows, of nearly unit length -> (D,) float32 of unit length.

    Raises:
        ValueError: another shape, rows that differ, or another length.
    """
    if not 0 < vector.ndim <= _MAX_AXES or not 0 < vector.shape[-1] <= MAX_DIMENSION or vector.size < 1:
        raise ValueError(f"normal has shape {vector.shape}, expected (1, D) with D <= {MAX_DIMENSION}")
    if not np.abs(vector).max() < 2:
        raise ValueError("normal holds NaN or values beyond a unit vector's")
    rows = vector.reshape(-1, vector.shape[-1])
    if (rows != rows[0]).any():
        raise ValueError(
            f"normal has shape {vector.shape} and its {len(rows)} rows differ: one normal for each row of w+ (HiGAN's "
            "space wp) is not supported, only the same one for all"
        )
    flat = rows[0].astype(np.float64)
    length = float(np.linalg.norm(flat))
    if not abs(length - 1) < 1e-3:
        raise ValueError(f"normal has length {length:g}, expected 1")
    # rounding to float32 alone is left as it is, so that a boundary survives a round trip bit for bit
    unit: npt.NDArray[np.float64] = flat / length if abs(length - 1) > 1e-6 else flat
    return unit.astype(np.float32)


def _parse(data: bytes) -> tuple[npt.NDArray[np.floating], tuple[int, ...] | None]:
    header_end = len(_MAGIC) + 2
    if not data.startswith(_MAGIC) or len(data) < header_end:
        raise ValueError("no numpy 1.0 header")
    start = header_end + struct.unpack("<H", data[len(_MAGIC) : header_end])[0]
    # not numpy's parser: that evaluates the header as a Python literal and allocates the shape it asks for
    header = _HEADER.fullmatch(data[header_end:start])
    if header is None:
        raise ValueError(f"unexpected header {data[header_end:start][:80]!r}, expected float16, float32 or float64")
    descr, fortran = header[1].decode(), header[2] == b"True"
    shape = tuple(int(part) for part in header[3].replace(b" ", b"").split(b",") if part)
    if descr != "|O":
        return _shaped(data[start:], np.dtype(descr), shape, fortran=fortran), None
    if math.prod(shape) != 1:
        raise ValueError(f"object array of shape {shape}, expected () with one dict in it")
    return _pickled_dict(read_pickle(data[start:]))


def _pickled_dict(root: object) -> tuple[npt.NDArray[np.floating], tuple[int, ...] | None]:
    match root:
        case Call("_reconstruct", state=(int(), tuple(), Call("dtype"), _, [{"boundary": array, **other}])):
            return _pickled_vector(array), _layers_of(other["meta_data"]) if "meta_data" in other else None
        case Call("_reconstruct", state=(int(), tuple(), Call("dtype"), _, [dict() as found])):
            raise ValueError(
                f"expected a 0-d object array of {{'boundary': array, …}}, its keys are {sorted(found)[:5]}"
            )
    raise ValueError("expected a 0-d object array of {'boundary': array, 'meta_data': dict}")


def _layers_of(meta: object) -> tuple[int, ...] | None:
    """The rows that `meta_data` names; None where it names none."""
    if not isinstance(meta, dict):
        raise ValueError(f"meta_data is {called(meta)}, expected a dict with 'manipulate_layers'")
    return read_layers(meta["manipulate_layers"]) if "manipulate_layers" in meta else None


def _pickled_vector(array: object) -> npt.NDArray[np.floating]:
    match array:
        case Call(
            "_reconstruct",
            state=(
                int(),
                tuple() as shape,
                Call("dtype", arguments=(("f2" | "f4" | "f8") as kind, *_), state=(int(), ("<" | ">") as order, *_)),
                bool() as fortran,
                bytes() as raw,
            ),
        ) if all(isinstance(size, int) for size in shape):
            return _shaped(raw, np.dtype(f"{order}{kind}"), shape, fortran=fortran)
    raise ValueError(f"'boundary' is not a plain float array but {called(array)}")


def _shaped(
    raw: bytes, dtype: np.dtype[np.floating], shape: tuple[int, ...], *, fortran: bool
) -> npt.NDArray[np.floating]:
    if len(shape) > _MAX_AXES or min(shape, default=1) < 1 or math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"array of shape {shape[:4]} and type {dtype.name} does not fit its {len(raw)} bytes")
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")


def _pickled_array(kind: str, shape: tuple[int, ...], content: bytes) -> bytes:
    order, flags = ("<", 0) if kind == "f8" else ("|", 63)
    dtype = _call("numpy dtype", _text(kind), _int(0), _int(1))
    dtype_state = (_int(3), _text(order), pickle.NONE * 3, _int(-1), _int(-1), _int(flags))
    empty = _call("numpy.core.multiarray _reconstruct", _global("numpy ndarray"), _tuple(_int(0)), _bytes(b"b"))
    state = (_int(1), _tuple(*map(_int, shape)), _built(dtype, *dtype_state), pickle.NEWFALSE, content)
    return _built(empty, *state)


def _call(name: str, *arguments: bytes) -> bytes:
    return _global(name) + _tuple(*arguments) + pickle.REDUCE


def _built(target: bytes, *state: bytes) -> bytes:
    return target + _tuple(*state) + pickle.BUILD


def _global(name: str) -> bytes:
    return pickle.GLOBAL + name.replace(" ", "\n").encode() + b"\n"


def _tuple(*items: bytes) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE


def _dict(**items: bytes) -> bytes:
    pairs = b"".join(_text(key) + value for key, value in items.items())
    return pickle.EMPTY_DICT + pickle.MARK + pairs + pickle.SETITEMS


def _text(value: str) -> bytes:
    return pickle.BINUNICODE + struct.pack("<I", len(value.encode())) + value.encode()


def _bytes(value: bytes) -> bytes:
    return pickle.BINBYTES + struct.pack("<I", len(value)) + value


def _int(value: int) -> bytes:
    return pickle.BININT + struct.pack("<i", value)
