"""Tensors in files, safely: safetensors or tensor-only .pth in, deterministic safetensors out."""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.files import write_whole
from higan_cam.weights.kinds import known_kind
from higan_cam.weights.paths import check_there, expanded
from higan_cam.weights.refusals import foreign_objects

PICKLED = frozenset({".pth", ".pt", ".tar", ".ckpt", ".bin"})
"""How files of torch.save end; `.tar` is how Places365 ends them (`resnet18_places365.pth.tar`), `.ckpt` Lightning."""
NVIDIA = ".pkl"
_STUMBLES = (
    *(pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError),
    *(MemoryError, AssertionError, ArithmeticError, zipfile.BadZipFile, struct.error),
)
_DEEPEST = 20
"""Containers within containers that are looked into."""
_NVIDIA_WAY_OUT = (
    "NVIDIA's .pkl files hold code, which is not run here. Convert it where you trust it: in GenForce's repository "
    "(github.com/genforce/genforce) with `python convert_model.py stylegan2 --source_model_path FILE.pkl` (or pggan, "
    "stylegan, stylegan2ada_tf, stylegan2ada_pth, whichever wrote it), or in rosinality's "
    "(github.com/rosinality/stylegan2-pytorch) with `python convert_weight.py --repo PATH_OF_NVLABS_STYLEGAN2 "
    "FILE.pkl`; then name the .pth or .pt file that comes out. Many are converted already: `higan-cam weights list`"
)


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Every tensor of a weights file, on the CPU, 16-bit floats widened to float32; and the file's metadata.

    The file is known by its beginning, whatever its name ends in: .safetensors files are memory mapped; files of
    torch.save (.pth, .pt, .tar, .ckpt, .bin) are read with `weights_only=True`. Nested checkpoints are flattened: the
    wrapper of a single state dict is dropped ({'state_dict': {...}, 'epoch': 3} gives the state dict's own keys),
    several keep their names as prefixes ('generator.…', 'generator_smooth.…'), and so do lists ('states.0.…'). Entries
    that are not tensors are left out.

    Raises:
        WeightsError: no such file, something else than weights (says what), a damaged file, pickled objects other than
            tensors (says which, and where), no tensors.
    """
    path = expanded(path)
    if path.suffix == NVIDIA and path.is_file() and not zipfile.is_zipfile(path):
        raise WeightsError(f"{path}: refused: {_NVIDIA_WAY_OUT}")
    if known_kind(path) == "safetensors":
        tensors, metadata = _load_safetensors(path)
    else:
        tensors, metadata = _flatten(_load_pickled(path)), {}
    if not tensors:
        raise WeightsError(f"{path}: holds no tensors; expected a state dict")
    return {key: _widened(value) for key, value in tensors.items()}, metadata


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file whose bytes depend on the arguments' contents alone, not on their order.

    The file appears whole or not at all.
    """
    write_whole(Path(path), encode_tensors(tensors, metadata))


def encode_tensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The bytes that `save_tensors` writes."""
    plain = {key: tensors[key].detach().cpu().contiguous() for key in sorted(tensors)}
    return _with_sorted_header(safetensors.torch.save(plain, metadata=dict(metadata)))


def decode_tensors(data: bytes, name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `load_tensors` gives, of the bytes of a safetensors file; `name` says whose, in errors.

    Raises:
        WeightsError: they are no such file.
    """
    try:
        tensors, header = safetensors.torch.load(data), _header(data)
    except (safetensors.SafetensorError, struct.error, ValueError) as error:
        raise WeightsError(f"{name}: not a safetensors file ({error})") from error
    return {key: _widened(value) for key, value in tensors.items()}, header.get("__metadata__", {})


def sha256_of(path: str | Path) -> str:
    """Hex digest of a file's bytes. WeightsError: no such file."""
    path = expanded(path)
    check_there(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path}: not a readable safetensors file ({error}); it may be truncated: fetch it again"
        ) from error


def _load_pickled(path: Path) -> Any:
    try:
        # Training scripts put their parsed command line beside the tensors: a plain record, without code of its own.
        # Opened here: from a path, torch goes by how it ends.
        # It warns of other pickle protocols, which is for torch's own developers.
        with (
            torch.serialization.safe_globals([argparse.Namespace]),
            path.open("rb") as file,
            warnings.catch_warnings(action="ignore"),
        ):
            return torch.load(file, map_location="cpu", weights_only=True)
    # A damaged pickle makes torch's reader stumble in any way, and all of them mean the same.
    except _STUMBLES as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> WeightsError:
    """The error for a file that torch would not read; its own words are about how to run what is in it."""
    if isinstance(error, pickle.UnpicklingError):
        return WeightsError(f"{path}: {_refusal(path)}")
    return WeightsError(
        f"{path}: not a readable PyTorch file ({_first_line(error)}); it may be truncated: fetch it again"
    )


def _refusal(path: Path) -> str:
    """Why torch will not read a pickle."""
    names = foreign_objects(path)
    if not names:
        return "refused, because it is damaged, or no file of torch.save: fetch it again, or save it as safetensors"
    return (
        f"refused, because it holds pickled objects other than tensors: {', '.join(names)}; save its state dict alone, "
        "as safetensors or with torch.save, where you trust the file"
    )


def _first_line(error: BaseException) -> str:
    """Without terminal codes, and without the advice that follows."""
    line = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
    return "".join(character for character in line if character.isprintable())[:200]


def _flatten(checkpoint: Any) -> dict[str, Tensor]:
    """Tensors of nested mappings and lists by dotted key, without the names of wrappers around all of them."""
    for _ in range(_DEEPEST):
        values = list(_items(checkpoint).values())
        inner = [value for value in values if _named(value)]
        if len(inner) != 1 or any(isinstance(value, Tensor) for value in values):
            break
        (checkpoint,) = inner
    return _named(checkpoint)


def _named(checkpoint: Any, depth: int = 0) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for key, value in _items(checkpoint).items() if depth < _DEEPEST else ():
        if isinstance(value, Tensor):
            tensors[str(key)] = value
        else:
            tensors |= {f"{key}.{name}": inner for name, inner in _named(value, depth + 1).items()}
    return tensors


def _items(checkpoint: Any) -> Mapping[Any, Any]:
    if isinstance(checkpoint, list | tuple):
        return dict(enumerate(checkpoint))
    return checkpoint if isinstance(checkpoint, Mapping) else {}


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in {torch.float16, torch.bfloat16} else tensor


def _with_sorted_header(data: bytes) -> bytes:
    """The same file with its JSON header's keys sorted: the library writes metadata in hash order."""
    header = json.dumps(_header(data), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data[_header_end(data) :]


def _header(data: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(data[8 : _header_end(data)])
    return header


def _header_end(data: bytes) -> int:
    (length,) = struct.unpack("<Q", data[:8])
    return 8 + int(length)
