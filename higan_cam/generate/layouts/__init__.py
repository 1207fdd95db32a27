"""Published state-dict layouts of generators, recognised and turned into this package's (HiGAN's) one.

HiGAN's files are flat. GenForce's hold {'generator', 'discriminator', 'generator_smooth'}, in training checkpoints one
level down in {'models': …}; rosinality's hold {'g_ema', 'latent_avg'}, in training checkpoints also 'g' and 'd'; other
trainers' wrap them in their own ways. A layout is recognised by one key that all its files have, wherever that lies
(`weights.networks`), and told from others with the same one by how many keys fit it. The averaged generator is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.generate.layouts.checks import listed
from higan_cam.generate.layouts.latent import dcgan_complete, infer_dcgan, infer_pggan, pggan_from_genforce
from higan_cam.generate.layouts.rosinality import NAME as ROSINALITY
from higan_cam.generate.layouts.rosinality import from_rosinality
from higan_cam.generate.layouts.style import from_genforce, infer_stylegan, infer_stylegan2, infer_truncation
from higan_cam.weights.networks import (
    apart,
    choose,
    groups,
    listing,
    networks_with,
    plain_keys,
    without_bookkeeping,
)
from higan_cam.weights.state_dicts import unnamed_averages

Architecture = Literal["stylegan", "stylegan2", "pggan", "dcgan"]

_BESIDE = "latent_avg"
"""A key beside a wrapped generator that belongs to it."""


@dataclass(frozen=True)
class Layout:
    """One way of naming a generator's tensors.

    Attributes:
        name: for messages.
        marker: a key that every such file has.
        keys: pattern of all of its keys.
        convert: (state, source) -> state with this package's keys, axes and values.
        mean_code_optional: whether some such files lack the mean code, so that it has to be measured.
    """

    name: str
    architecture: Architecture
    marker: str
    keys: str
    convert: Callable[[Mapping[str, Tensor], str], dict[str, Tensor]] = lambda state, _source: dict(state)
    mean_code_optional: bool = False

    def matches(self, state: Mapping[str, Tensor]) -> int:
        """How many of the keys fit."""
        return sum(re.fullmatch(self.keys, key) is not None for key in state)


_TRUNCATION = r"truncation\.(w_avg|truncation)"
_MODULATED = r"(style\.bias|weight|bias|noise|noise_strength|filter\.kernel)"
LAYOUTS = (
    Layout(
        "HiGAN StyleGAN",
        "stylegan",
        "synthesis.layer0.const",
        rf"{_TRUNCATION}|mapping\.dense\d+\.(fc\.weight|wscale\.bias)|synthesis\.(lod|output\d+\.(conv\.weight|bias)"
        r"|layer\d+\.(const|weight|conv\.weight|blur\.kernel|epilogue\..+))",
    ),
    Layout(
        "GenForce StyleGAN",
        "stylegan",
        "synthesis.layer0.const",
        rf"{_TRUNCATION}|mapping\.dense\d+\.(weight|bias)|synthesis\.(lod|output\d+\.(weight|bias)"
        r"|layer\d+\.(const|weight|bias|blur\.kernel|apply_noise\..+|style\.(weight|bias)))",
        lambda state, _source: from_genforce(state, "stylegan"),
    ),
    Layout(
        "HiGAN StyleGAN2",
        "stylegan2",
        "synthesis.early_layer.const",
        rf"{_TRUNCATION}|mapping\.dense\d+\.(fc\.weight|bias)"
        rf"|synthesis\.(early_layer\.const|upsample\.kernel|(layer|output)\d+\.(style\.fc\.weight|{_MODULATED}))",
    ),
    Layout(
        "GenForce StyleGAN2",
        "stylegan2",
        "synthesis.early_layer.const",
        rf"{_TRUNCATION}|mapping\.dense\d+\.(weight|bias)"
        rf"|synthesis\.(early_layer\.const|upsample\.kernel|(layer|output)\d+\.(style\.weight|{_MODULATED}))",
        lambda state, _source: from_genforce(state, "stylegan2"),
    ),
    Layout(
        ROSINALITY,
        "stylegan2",
        "input.input",
        r"latent_avg|input\.input|style\.\d+\.(weight|bias)|noises\.noise_\d+"
        r"|(conv1|convs\.\d+)\.(conv\.(weight|modulation\.(weight|bias)|blur\.kernel)|noise\.weight|activate\.bias)"
        r"|(to_rgb1|to_rgbs\.\d+)\.(bias|upsample\.kernel|conv\.(weight|modulation\.(weight|bias)))",
        from_rosinality,
        mean_code_optional=True,
    ),
    Layout(
        "HiGAN PGGAN",
        "pggan",
        "layer0.conv.weight",
        r"lod|(layer|output)\d+\.(conv\.weight|wscale\.bias)",
    ),
    Layout(
        "GenForce PGGAN",
        "pggan",
        "layer0.weight",
        r"lod|(layer|output)\d+\.(weight|bias)",
        lambda state, _source: pggan_from_genforce(state),
    ),
    Layout(
        "PyTorch example's DCGAN",
        "dcgan",
        "main.0.weight",
        r"main\.\d+\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        lambda state, _source: dcgan_complete(state),
    ),
)
_INFER: dict[Architecture, Callable[[Mapping[str, Tensor], str], dict[str, Any]]] = {
    "stylegan": infer_stylegan,
    "stylegan2": infer_stylegan2,
    "pggan": infer_pggan,
    "dcgan": infer_dcgan,
}


@dataclass(frozen=True)
class GeneratorState:
    """A generator's tensors in this package's layout and what they say about the network.

    Attributes:
        layout: the file's.
        tensors: by this package's keys; `truncation.truncation` is left out, the constructor makes it.
        arguments: constructor arguments found in the shapes, and the truncation where the file stores it.
    """

    layout: Layout
    tensors: dict[str, Tensor]
    arguments: dict[str, Any]

    @property
    def architecture(self) -> Architecture:
        """Its name in `ARCHITECTURES`."""
        return self.layout.architecture


def read_layout(tensors: Mapping[str, Tensor], source: str, wanted: str | None = None) -> GeneratorState:
    """Detect layout and architecture, rename, transpose, and infer the constructor arguments.

    Args:
        tensors: a flat state dict, or several with 'generator.…' prefixes (as `load_tensors` gives them).
        source: the file's name, for error messages.
        wanted: the name of one of several networks; None for the averaged generator.

    Raises:
        WeightsError: no known layout (the nearest is named), several generators that nothing tells apart, a key that
            decides a shape is missing, or a network whose progressive growing is not finished (lod other than 0).
    """
    found = select_generator(tensors, source, wanted)
    layout = detect_layout(found, source)
    state = layout.convert(found, source)
    arguments = _INFER[layout.architecture](state, source)
    truncation = state.pop("truncation.truncation", None)
    if truncation is not None:
        arguments |= infer_truncation(truncation, source)
    for name in ("synthesis.lod", "lod"):
        if name in state and float(state[name]) != 0:
            raise WeightsError(f"{source}: {name} is {float(state[name])}, expected 0: its training is not finished")
    return GeneratorState(layout, state, arguments)


def select_generator(tensors: Mapping[str, Tensor], source: str, wanted: str | None = None) -> dict[str, Tensor]:
    """The generator's own state dict out of a checkpoint; the averaged one where there is one, or the one named.

    Raises:
        WeightsError: none of that name, or several that nothing tells apart; they are listed.
    """
    tensors = plain_keys(tensors)
    networks = networks_with(tensors, {layout.marker for layout in LAYOUTS}, _belongs)
    if not networks:
        return _nearest(tensors)
    chosen = choose(apart(networks, unnamed_averages(tensors, networks, source)), source, wanted)
    layout = detect_layout(chosen.tensors, source)
    state = without_bookkeeping(chosen.tensors, lambda key: re.fullmatch(layout.keys, key) is not None)
    above = chosen.name.split(".")[:-1] if chosen.name else []
    places = [".".join([*above[:depth], _BESIDE]) for depth in range(len(above), -1, -1)]
    beside = next(({_BESIDE: tensors[place]} for place in places if place in tensors), {})
    return beside | state if re.fullmatch(layout.keys, _BESIDE) else state


def _belongs(marker: str, key: str) -> bool:
    """Whether a network with this marker has this key: a StyleGAN2's layers alone look like a PGGAN."""
    return any(layout.marker == marker and re.fullmatch(layout.keys, key) for layout in LAYOUTS)


def _nearest(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of all that lies below some name, what fits a layout best: for the message, since its marker is missing."""
    fitting: Counter[tuple[str, str]] = Counter()
    for key in tensors:
        for start in ("", *(key[: at + 1] for at in range(len(key)) if key[at] == ".")):
            rest = key.removeprefix(start)
            fitting.update((start, layout.name) for layout in LAYOUTS if re.fullmatch(layout.keys, rest))
    start = max(fitting, key=lambda place: (fitting[place], -len(place[0])), default=("", ""))[0]
    return {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}


def detect_layout(state: Mapping[str, Tensor], source: str) -> Layout:
    """The layout whose marker is there and which most keys fit. WeightsError: none; the nearest is named."""
    marked = [layout for layout in LAYOUTS if layout.marker in state]
    if marked:
        return max(marked, key=lambda layout: layout.matches(state))
    nearest = max(LAYOUTS, key=lambda layout: layout.matches(state))
    fitting = nearest.matches(state)
    if not fitting:
        raise WeightsError(
            f"{source}: not a generator in a known layout ({', '.join(layout.name for layout in LAYOUTS)}); "
            f"it holds {listing(groups(state))}"
        )
    unknown = [key for key in sorted(state) if not re.fullmatch(nearest.keys, key)]
    rest = f"; unknown keys: {listed(unknown)}" if unknown else ""
    raise WeightsError(
        f"{source}: not a generator in a known layout; the nearest is {nearest.name} ({fitting} of {len(state)} keys "
        f"fit); missing keys: {nearest.marker}{rest}"
    )
