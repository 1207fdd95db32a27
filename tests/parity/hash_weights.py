"""The deterministic weights of the parity arrays: every tensor is drawn from a seed that is its state-dict key."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.stylegan import StyleGAN


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


def hash_generator(parity: Path) -> StyleGAN:
    """HiGAN's 256 px bedroom StyleGAN (psi 0.7 on rows 0-7) with hash weights, in eval mode, without gradients."""
    generator = StyleGAN()
    missing, unexpected = generator.load_state_dict(hash_weights(parity), strict=False)
    constants = {key for key in missing if key.endswith(("blur.kernel", "lod", "truncation.truncation"))}
    if unexpected or set(missing) != constants:
        raise ValueError(f"keys differ: missing {sorted(set(missing) - constants)}, unexpected {unexpected}")
    return generator.eval().requires_grad_(False)
