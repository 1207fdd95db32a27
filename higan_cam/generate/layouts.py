"""Published state-dict layouts of StyleGAN and StyleGAN2 generators, turned into this package's (HiGAN's) one.

HiGAN's files are flat. GenForce's hold {'generator', 'discriminator', 'generator_smooth'}, in training checkpoints one
level down in {'models': …}; the smoothed generator is preferred. Values agree in both, since the equalised-learning-
rate factor is never baked in; names differ, and HiGAN keeps some convolution weights (kh,kw,in,out) where GenForce
has (out,in,kh,kw): the fused up-convolutions of StyleGAN (128 px and above) and every convolution of StyleGAN2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from higan_cam.errors import WeightsError

Architecture = Literal["stylegan", "stylegan2"]

_WRAPPERS = ("generator_smooth.", "models.generator_smooth.", "generator.", "models.generator.")
_FIRST_FUSED_LAYER = 10  # 128 px
_SHOWN = 5

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


@dataclass(frozen=True)
class GeneratorState:
    """A generator's tensors in HiGAN's layout and what they say about the network.

    Attributes:
        architecture: "stylegan" or "stylegan2".
        tensors: by HiGAN's keys; `truncation.truncation` is left out, the constructor makes it.
        arguments: constructor arguments found in the shapes, and the truncation where the file stores it.
    """

    architecture: Architecture
    tensors: dict[str, Tensor]
    arguments: dict[str, Any]


def read_layout(tensors: Mapping[str, Tensor], source: str) -> GeneratorState:
    """Detect layout and architecture, rename, transpose, and infer the constructor arguments.

    Args:
        tensors: a flat state dict, or several with 'generator.…' prefixes (as `load_tensors` gives them).
        source: the file's name, for error messages.

    Raises:
        WeightsError: not a generator of a known architecture, a key that decides a shape is missing, or a StyleGAN
            whose progressive growing is not finished (lod other than 0).
    """
    state = select_generator(tensors)
    architecture = detect_architecture(state, source)
    if "mapping.dense0.weight" in state:
        state = from_genforce(state, architecture)
    arguments = _infer_arguments(state, architecture, source)
    truncation = state.pop("truncation.truncation", None)
    if truncation is not None:
        arguments |= _infer_truncation(truncation, source)
    lod = state.get("synthesis.lod")
    if lod is not None and float(lod) != 0:
        raise WeightsError(f"{source}: synthesis.lod is {float(lod)}, expected 0: its training is not finished")
    return GeneratorState(architecture, state, arguments)


def select_generator(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator's own state dict out of a checkpoint; the smoothed one where there is one."""
    for prefix in _WRAPPERS:
        inner = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if inner:
            return inner
    return dict(tensors)


def detect_architecture(state: Mapping[str, Tensor], source: str) -> Architecture:
    """By the key of the learned constant. WeightsError: neither StyleGAN nor StyleGAN2."""
    if "synthesis.early_layer.const" in state:
        return "stylegan2"
    if "synthesis.layer0.const" in state:
        return "stylegan"
    raise WeightsError(
        f"{source}: not a StyleGAN or StyleGAN2 generator: neither 'synthesis.layer0.const' nor "
        f"'synthesis.early_layer.const' among its keys, which are {listed(sorted(state))}"
    )


def from_genforce(state: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Tensor]:
    """GenForce's names and axis order -> HiGAN's. Unknown keys pass through, to be reported by the shape check."""
    convert = _stylegan_entry if architecture == "stylegan" else _stylegan2_entry
    return dict(convert(key, value) for key, value in state.items())


def check_fit(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str) -> None:
    """WeightsError that names up to 5 missing, unknown and misshapen entries each; returns where all fit."""
    missing = sorted(set(expected) - set(tensors))
    unknown = sorted(set(tensors) - set(expected))
    misshapen = [
        f"{key} is {tuple(tensors[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in sorted(set(expected) & set(tensors))
        if tensors[key].shape != expected[key].shape
    ]
    kinds = {"missing keys": missing, "unknown keys": unknown, "wrong shapes": misshapen}
    problems = [f"{kind}: {listed(items)}" for kind, items in kinds.items() if items]
    if problems:
        raise WeightsError(f"{source}: does not fit the network; " + "; ".join(problems))


def listed(items: list[str]) -> str:
    """The first 5 joined by commas, and how many more there are."""
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


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


def _infer_arguments(state: Mapping[str, Tensor], architecture: Architecture, source: str) -> dict[str, Any]:
    mapping = [f"mapping.dense{i}.fc.weight" for i in range(_count(state, r"mapping\.dense(\d+)\..+"))]
    outputs = [f"synthesis.output{b}" for b in range(_count(state, r"synthesis\.output(\d+)\..+"))]
    weights = [f"{name}.conv.weight" if architecture == "stylegan" else f"{name}.weight" for name in outputs]
    needed = [*(mapping or ["mapping.dense0.fc.weight"]), *(weights or ["synthesis.output0"])]
    absent = [key for key in needed if key not in state]
    if absent:
        raise WeightsError(f"{source}: cannot tell the network's size, missing keys: {listed(absent)}")
    channel_axis = 1 if architecture == "stylegan" else 2
    arguments: dict[str, Any] = {
        "resolution": 4 * 2 ** (len(outputs) - 1),
        "z_dim": state[mapping[0]].shape[1],
        "w_dim": state[mapping[-1]].shape[0],
        "mapping_layers": len(mapping),
        "mapping_width": state[mapping[0]].shape[0],
        "channels": tuple(state[key].shape[channel_axis] for key in weights),
    }
    if architecture == "stylegan2":
        noise = state.get("synthesis.layer0.noise")
        per_channel = noise is not None and noise.ndim == 4 and noise.shape[1] > 1
        arguments["noise_channels"] = "per_channel" if per_channel else "one"
    return arguments


def _infer_truncation(truncation: Tensor, source: str) -> dict[str, Any]:
    """Constructor arguments from a stored (1,L,1) buffer: psi on the first rows, 1 on the others."""
    rows = [round(value, 6) for value in truncation.flatten().tolist()]
    truncated = sum(value != 1 for value in rows)
    psi = rows[0] if truncated else 1.0
    if rows != [psi] * truncated + [1.0] * (len(rows) - truncated):
        raise WeightsError(
            f"{source}: truncation.truncation is {rows}, expected one value on the first rows and 1 on the others"
        )
    return {"truncation_psi": psi, "truncation_layers": truncated}


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """1 + the highest number that the pattern's group matches, 0 if none."""
    return max((int(match[1]) + 1 for match in (re.fullmatch(pattern, key) for key in state) if match), default=0)
