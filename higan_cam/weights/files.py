"""Tensors in files, safely: safetensors or tensor-only .pth in, deterministic safetensors out."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from higan_cam.errors import WeightsError

PICKLED = frozenset({".pth", ".pt", ".tar"})
"""Files of torch.save; `.tar` is how Places365 ends them (`resnet18_places365.pth.tar`)."""
NVIDIA = ".pkl"
_NVIDIA_WAY_OUT = (
    "NVIDIA's .pkl files hold code, which is not run here. Convert it where you trust it: in GenForce's repository "
    "(github.com/genforce/genforce) with `python convert_model.py stylegan2 --source_model_path FILE.pkl` (or pggan, "
    "stylegan, stylegan2ada_tf, stylegan2ada_pth, whichever wrote it), or in rosinality's "
    "(github.com/rosinality/stylegan2-pytorch) with `python convert_weight.py --repo PATH_OF_NVLABS_STYLEGAN2 "
    "FILE.pkl`; then name the .pth or .pt file that comes out. Many are converted already: `higan-cam weights list`"
)


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Every tensor of a weights file, on the CPU, 16-bit floats widened to float32; and the file's metadata.

    .safetensors files are memory mapped; .pth, .pt and .tar files are read with `weights_only=True`. Nested checkpoints
    are flattened: the wrapper of a single state dict is dropped ({'state_dict': {...}, 'epoch': 3} gives the state
    dict's own keys), several keep their names as prefixes ('generator.…', 'generator_smooth.…'). Entries that are
    not tensors are left out.

    Raises:
        WeightsError: no such file, an unknown suffix, a damaged file, pickled objects other than tensors, no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; check the path, or fetch it with `higan-cam weights fetch`")
    if path.suffix == ".safetensors":
        tensors, metadata = _load_safetensors(path)
    elif path.suffix in PICKLED:
        tensors, metadata = _flatten(_load_pickled(path)), {}
    else:
        reason = f"unknown kind of weights file {path.suffix!r}; expected .safetensors, .pth, .pt or .tar"
        raise WeightsError(f"{path}: {f'refused: {_NVIDIA_WAY_OUT}' if path.suffix == NVIDIA else reason}")
    if not tensors:
        raise WeightsError(f"{path}: holds no tensors; expected a state dict")
    return {key: _widened(value) for key, value in tensors.items()}, metadata


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file whose bytes depend on the arguments' contents alone, not on their order.

    The file appears whole or not at all.
    """
    path = Path(path)
    plain = {key: tensors[key].detach().cpu().contiguous() for key in sorted(tensors)}
    data = _with_sorted_header(safetensors.torch.save(plain, metadata=dict(metadata)))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256_of(path: str | Path) -> str:
    """Hex digest of a file's bytes. WeightsError: no such file."""
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
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
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(
            f"{path}: refused, because it is damaged or holds pickled objects other than tensors ({reason}); "
            "save its state dict alone, as safetensors or with torch.save, where you trust the file"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path}: not a readable PyTorch file ({error}); it may be truncated: fetch it again"
        ) from error


def _flatten(checkpoint: Any) -> dict[str, Tensor]:
    """Tensors of nested mappings by dotted key, without the wrapper of a single nested mapping."""
    if not isinstance(checkpoint, Mapping):
        return {}
    tensors = {str(key): value for key, value in checkpoint.items() if isinstance(value, Tensor)}
    flat = {str(key): _flatten(value) for key, value in checkpoint.items() if isinstance(value, Mapping)}
    nested = {name: inner for name, inner in flat.items() if inner}
    if len(nested) == 1 and not tensors:
        return next(iter(nested.values()))
    for name, inner in nested.items():
        tensors.update({f"{name}.{key}": value for key, value in inner.items()})
    return tensors


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in {torch.float16, torch.bfloat16} else tensor


def _with_sorted_header(data: bytes) -> bytes:
    """The same file with its JSON header's keys sorted: the library writes metadata in hash order."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]
