"""StyleGAN and StyleGAN2 files: GenForce's names and axes turned into HiGAN's, and sizes read off the shapes.

Values agree in both, since the equalised-learning-rate factor is never baked in; names differ, and HiGAN keeps some
convolution weights (kh,kw,in,out) where GenForce has (out,in,kh,kw): the fused up-convolutions of StyleGAN (128 px and
above) and every convolution of StyleGAN2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.generate.layouts.checks import count, need

_FIRST_FUSED_LAYER = 10  # 128 px

_STYLEGAN_NAMES = (
    (r"(mapping\.dense\d+)\.weight", r"\1.fc.weight"),
    (r"(mapping\.dense\d+)\.bias", r"\1.wscale.bias"),
    (r"(synthesis\.layer\d+)\.bias", r"\1.epilogue.bias"),
    (r"(synthesis\.layer\d+)\.(apply_noise\..+)", r"\1.epilogue.\2"),
    (r"(synthesis\.layer\d+)\.style\.weight", r"\1.epilogue.style_mod.dense.fc.weight"),
    (r"(synthesis\.layer\d+)\.style\.bias", r"\1.epilogue.style_mod.dense.wscale.bias"),
    (r"(synthesis\.output\d+)\.weight", r"\1.conv.weight"),
)
_STYLEGAN2_NAMES = (
    (r"(mapping\.dense\d+)\.weight", r"\1.fc.weight"),
    (r"(synthesis\.(?:layer|output)\d+\.style)\.weight", r"\1.fc.weight"),
)


def from_genforce(state: Mapping[str, Tensor], architecture: Literal["stylegan", "stylegan2"]) -> dict[str, Tensor]:
    """GenForce's names and axis order -> HiGAN's. Unknown keys pass through, to be reported by the shape check."""
    convert = _stylegan_entry if architecture == "stylegan" else _stylegan2_entry
    return dict(convert(key, value) for key, value in state.items())


def infer_stylegan(state: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """Constructor arguments of StyleGAN from HiGAN's keys. WeightsError: a key that decides a size is missing."""
    return _infer(state, source, "conv.weight", channel_axis=1)


def infer_stylegan2(state: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """Constructor arguments of StyleGAN2 from HiGAN's keys. WeightsError: a key that decides a size is missing."""
    arguments = _infer(state, source, "weight", channel_axis=2)
    noise = state.get("synthesis.layer0.noise")
    per_channel = noise is not None and noise.ndim == 4 and noise.shape[1] > 1
    return {**arguments, "noise_channels": "per_channel" if per_channel else "one"}


def infer_truncation(truncation: Tensor, source: str) -> dict[str, Any]:
    """Constructor arguments from a stored (1,L,1) buffer: psi on the first rows, 1 on the others."""
    rows = [round(value, 6) for value in truncation.flatten().tolist()]
    truncated = sum(value != 1 for value in rows)
    psi = rows[0] if truncated else 1.0
    if rows != [psi] * truncated + [1.0] * (len(rows) - truncated):
        raise WeightsError(
            f"{source}: truncation.truncation is {rows}, expected one value on the first rows and 1 on the others"
        )
    return {"truncation_psi": psi, "truncation_layers": truncated}


def _infer(state: Mapping[str, Tensor], source: str, rgb_weight: str, channel_axis: int) -> dict[str, Any]:
    mapping = [f"mapping.dense{i}.fc.weight" for i in range(count(state, r"mapping\.dense(\d+)\..+"))]
    weights = [f"synthesis.output{b}.{rgb_weight}" for b in range(count(state, r"synthesis\.output(\d+)\..+"))]
    need(state, [*(mapping or ["mapping.dense0.fc.weight"]), *(weights or ["synthesis.output0"])], source)
    return {
        "resolution": 4 * 2 ** (len(weights) - 1),
        "z_dim": state[mapping[0]].shape[1],
        "w_dim": state[mapping[-1]].shape[0],
        "mapping_layers": len(mapping),
        "mapping_width": state[mapping[0]].shape[0],
        "channels": tuple(state[key].shape[channel_axis] for key in weights),
    }


def _renamed(key: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, template in rules:
        match = re.fullmatch(pattern, key)
        if match:
            return match.expand(template)
    return key


def _stylegan_entry(key: str, value: Tensor) -> tuple[str, Tensor]:
    conv = re.fullmatch(r"(synthesis\.layer(\d+))\.weight", key)
    if conv is None:
        return _renamed(key, _STYLEGAN_NAMES), value
    layer = int(conv[2])
    if layer % 2 == 0 and layer >= _FIRST_FUSED_LAYER and value.ndim == 4:
        return key, value.permute(2, 3, 1, 0)
    return f"{conv[1]}.conv.weight", value


def _stylegan2_entry(key: str, value: Tensor) -> tuple[str, Tensor]:
    if re.fullmatch(r"synthesis\.(layer|output)\d+\.weight", key) and value.ndim == 4:
        return key, value.permute(2, 3, 1, 0)
    return _renamed(key, _STYLEGAN2_NAMES), value
