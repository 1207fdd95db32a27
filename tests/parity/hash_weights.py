"""The deterministic weights of the parity arrays: every tensor is drawn from a seed that is its state-dict key."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.stylegan import StyleGAN
from higan_cam.label.places365 import MATRIX_FILE


def hash_tensor(key: str, shape: tuple[int, ...], scale: float, salt: str = "") -> np.ndarray:
    """Standard normal float32 array of `shape` from crc32(salt + key), times `scale`."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32((salt + key).encode("utf-8"))))
    return generator.standard_normal(shape).astype(np.float32) * np.float32(scale)


def hash_weights(parity: Path) -> dict[str, Tensor]:
    """The state dict of HiGAN's 256 px bedroom StyleGAN without its constants; each tensor's checksum is verified."""
    record = json.loads((parity / "weights_stylegan_bedroom256.json").read_text())
    tensors = {}
    for entry in record["entries"]:
        if entry.get("constant"):
            continue
        key = entry["key"]
        array = hash_tensor(key, tuple(entry["shape"]), entry["scale"])
        if zlib.crc32(np.ascontiguousarray(array, "<f4").tobytes()) != entry["crc32"]:
            raise ValueError(f"numpy's standard_normal stream changed: checksum of {key} differs")
        tensors[key] = torch.from_numpy(array)
    return tensors


def write_places365(parity: Path, folder: Path) -> Path:
    """A ResNet18 with hash weights in Places365's published layout, the attributes' matrix beside it; its path."""
    record = json.loads((parity / "classifier.json").read_text())
    path = folder / "resnet18_places365.pth"
    tensors = {}
    for entry in record["entries"]:
        drawn = hash_tensor(entry["key"], tuple(entry["shape"]), 1.0, record["salt"])
        drawn = np.abs(drawn) if entry["abs"] else drawn
        array = np.float32(entry["offset"]) + drawn * np.float32(entry["scale"])
        if zlib.crc32(np.ascontiguousarray(array, "<f4").tobytes()) != entry["crc32"]:
            raise ValueError(f"numpy's standard_normal stream changed: checksum of {entry['key']} differs")
        if not entry["key"].startswith("W_"):
            tensors[f"module.{entry['key']}"] = torch.from_numpy(array)
    np.save(path.with_name(MATRIX_FILE), hash_tensor("W_sceneattribute", (102, 512), 0.05, record["salt"]))
    torch.save({"epoch": 90, "arch": "resnet18", "state_dict": tensors, "best_prec1": 0.0}, path)
    return path


def hash_generator(parity: Path) -> StyleGAN:
    """HiGAN's 256 px bedroom StyleGAN (psi 0.7 on rows 0-7) with hash weights, in eval mode, without gradients."""
    generator = StyleGAN()
    missing, unexpected = generator.load_state_dict(hash_weights(parity), strict=False)
    constants = {key for key in missing if key.endswith(("blur.kernel", "lod", "truncation.truncation"))}
    if unexpected or set(missing) != constants:
        raise ValueError(f"keys differ: missing {sorted(set(missing) - constants)}, unexpected {unexpected}")
    return generator.eval().requires_grad_(False)
