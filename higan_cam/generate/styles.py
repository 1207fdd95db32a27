"""What reads the code: the affine maps from a row of w+ to the styles of each layer, as plain matrices.

A picture depends on w+ through these alone, so what a direction does to them is all that it does. In networks without
styles the first layer, which alone reads z, stands in their place (as in SeFa, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.pggan import PGGAN
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.types import FloatArray, Generator


@dataclass(frozen=True, eq=False)
class StyleAffine:
    """styles = weight w + constant.

    Attributes:
        row: of w+ that it reads.
        name: of the layer, as files call it.
        weight: (C,w_dim) float64, every factor of the equalised learning rate multiplied in.
        colour: whether it styles an output to RGB and no feature (StyleGAN2's `output0`, …).
    """

    row: int
    name: str
    weight: FloatArray
    colour: bool = False


def style_affines(generator: Generator) -> tuple[StyleAffine, ...]:
    """Every style layer, in the order of the rows that they read; an RGB output behind its convolution.

    StyleGAN's C are the scales, then the shifts. Of PGGAN and DCGAN: the first layer, (channels x 16,z_dim).

    Raises:
        ConfigError: a network of another kind, whose styles nobody has described.
    """
    for kind, read in _READ.items():
        if isinstance(generator, kind):
            return read(generator)
    known = ", ".join(kind.__name__ for kind in _READ)
    raise ConfigError(
        f"generator: the style weights of a {type(generator).__name__} are not known, expected one of {known}; "
        "ganspace needs none"
    )


def _stylegan(generator: Any) -> tuple[StyleAffine, ...]:
    layers = range(generator.num_layers)
    modules = [generator.synthesis.get_submodule(f"layer{row}.epilogue.style_mod.dense") for row in layers]
    return tuple(StyleAffine(row, f"layer{row}", _dense(each)) for row, each in enumerate(modules))


def _stylegan2(generator: Any) -> tuple[StyleAffine, ...]:
    found = []
    for row in range(generator.num_layers):
        if row < len(generator.layer_resolutions):
            found.append(_style(generator, row, f"layer{row}"))
        if row % 2 == 1:  # output b reads row 2b + 1
            found.append(_style(generator, row, f"output{row // 2}"))
    return tuple(found)


def _style(generator: Any, row: int, name: str) -> StyleAffine:
    weight = _dense(generator.synthesis.get_submodule(f"{name}.style"))
    return StyleAffine(row, name, weight, colour=name.startswith("output"))


def _pggan(generator: Any) -> tuple[StyleAffine, ...]:
    weight = generator.layer0.conv.weight * generator.layer0.weight_scale  # (C,z_dim,4,4) over one pixel: mirrored
    return (StyleAffine(0, "layer0", _array(weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2))),)


def _dcgan(generator: Any) -> tuple[StyleAffine, ...]:
    weight = generator.main[0].weight  # transposed: (z_dim,C,4,4)
    return (StyleAffine(0, "main.0", _array(weight.flatten(1).T)),)


def _dense(module: Any) -> FloatArray:
    return _array(module.fc.weight * module.weight_scale)


def _array(values: Tensor) -> FloatArray:
    array: FloatArray = values.detach().double().cpu().numpy()
    return array


_READ: Mapping[type[nn.Module], Callable[[Any], tuple[StyleAffine, ...]]] = {
    StyleGAN: _stylegan,
    StyleGAN2: _stylegan2,
    PGGAN: _pggan,
    DCGAN: _dcgan,
}
