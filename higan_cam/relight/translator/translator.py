"""A translator as others use it: from a file; a picture and a mask in, a layer of light out, at any size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import HiganCamError, WeightsError
from higan_cam.generate.images import from_uint8
from higan_cam.pictures.tiles import TILE, by_tiles, padded
from higan_cam.relight.light import Dial, Light, own_temperature, relight, strips
from higan_cam.relight.response import RESPONSES, Response
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.relight.translator.norms import Statistics
from higan_cam.types import ByteArray, FloatArray
from higan_cam.weights.embedded import EMBEDDED_TRANSLATORS
from higan_cam.weights.files import load_tensors, save_tensors
from higan_cam.weights.zoo import weights_file

_LEAST_LIGHT = 0.02
"""Added to what is there before light is divided by it (`light_in`): what is black has no colour of its own."""


@dataclass(frozen=True, eq=False)
class Translator:
    """A network that has learned from pairs what light a lamp adds.

    Attributes:
        network: in eval mode, on the CPU or wherever it was moved to.
        side: of the pictures that it learned from, px.
        response: what those pictures' levels mean, and so its light.
        attribute: what its pairs are of.
        burning: its lamp burns in the pictures that it is shown, and what it answers is the density of a filter that
            takes its light away; else the light itself, which is not there yet.
    """

    network: TranslatorNetwork
    side: int
    response: Response
    attribute: str = "light"
    burning: bool = False


def load_translator(source: str | Path) -> Translator:
    """The translator in a file that `higan-cam train translator` left, or the embedded one: `rooms`.

    Raises:
        WeightsError: there is no such file, or it holds no translator.
    """
    path = translator_file(source)
    tensors, metadata = load_tensors(path)
    try:
        return _built(tensors, json.loads(metadata["translator"]))
    except (KeyError, TypeError, ValueError, RuntimeError, HiganCamError) as error:
        raise WeightsError(
            f"{path}: not a translator ({error}); expected a file of `higan-cam train translator`"
        ) from error


def translator_file(source: str | Path) -> Path:
    """Where the weights are that are called so."""
    return weights_file(str(source), EMBEDDED_TRANSLATORS)


def save_translator(
    path: Path, network: TranslatorNetwork, side: int, response: str, attribute: str, *, burning: bool = False
) -> None:
    """Write a trained network, whole or not at all, as `load_translator` reads it: 16-bit floats."""
    made = {"channels": list(network.channels), "norm": network.norm, "condition": network.condition}
    settings = {
        **made,
        "dial": network.dial is not None,
        "side": side,
        "response": response,
        "attribute": attribute,
    }
    settings |= {"burning": True} if burning else {}
    tensors = {key: value.half() for key, value in network.state_dict().items()}
    save_tensors(path, tensors, {"translator": json.dumps(settings, sort_keys=True)})


@torch.inference_mode()
def predict_light(
    translator: Translator,
    picture: ByteArray,
    mask: FloatArray | None = None,
    gain: float = 1.0,
    *,
    tile: int = TILE,
) -> FloatArray:
    """The light that a lamp adds, in the units of `translator.response`, at the picture's own size; or, of a network
    whose lamp is `burning`, that it has added already.

    A network with a dial is asked for this gain; any other's light of gain 1 is multiplied. Pictures larger than a tile
    are looked at tile by tile, with enough around each. What the network normalises by is taken of the picture brought
    to the side that it was trained at, if that is smaller, so that the tiles fit: the result is that of the whole
    picture to 1e-4 of the brightest light.

    Args:
        picture: (H,W,3) uint8 RGB.
        mask: (H,W) in [0,1], where the lamp is; a network that asks for none ignores it.
        tile: side of a tile without what is around it, px.

    Returns:
        (H,W,3) float32, >= 0.

    Raises:
        ValueError: the network needs a mask and there is none, or one of another size than the picture.
    """
    network = translator.network
    if mask is None and network.condition:
        raise ValueError("this translator was trained with a mask of where the lamp is; give mask=, (H,W) in [0,1]")
    if mask is not None and mask.shape != picture.shape[:2]:
        raise ValueError(f"the mask must be of the picture's size {picture.shape[:2]}, got {mask.shape}")
    parts = [from_uint8(picture[None])]
    if network.condition and mask is not None:
        parts.append(torch.from_numpy(np.ascontiguousarray(mask, np.float32))[None, None])
    seen = padded(torch.cat(parts, dim=1), network.multiple).to(next(network.parameters()).device)

    whole_tile = -(-tile // network.multiple) * network.multiple
    statistics = _statistics(translator, seen, gain, whole_tile)

    def look(part: Tensor) -> Tensor:
        return _look(network, part, gain, None if statistics is None else statistics.again())

    found = by_tiles(look, seen, whole_tile, network.reach)
    height, width = picture.shape[:2]
    light: FloatArray = found[0, :, :height, :width].permute(1, 2, 0).cpu().numpy()
    if translator.burning:
        light = -np.expm1(-light) * translator.response.light(picture)
    return np.ascontiguousarray(light if network.dial is not None else gain * light, np.float32)


def light_in(
    translator: Translator,
    picture: ByteArray,
    mask: FloatArray | None = None,
    *,
    side: int | None = None,
    weight: FloatArray | None = None,
) -> Light:
    """The predicted light of gain 1 as a `Light`, with its colour temperature as the picture tells it.

    Args:
        side: look at the picture with its shorter side at this many px, if it has more, and carry the light back as a
            multiple of what is there, so that edges and textures stay the picture's; None: at its own size.
        weight: (H,W) in [0,1] on the light, such as a feathered mask.
    """
    layer = carried_light(translator, picture, mask, side)
    if weight is not None:
        layer = layer * weight[..., None]
    return Light(layer, own_temperature(layer, picture, translator.response), translator.response)


def translate(
    translator: Translator,
    picture: ByteArray,
    mask: FloatArray | None = None,
    dial: Dial = Dial(),  # noqa: B008 - frozen
) -> ByteArray:
    """(H,W,3) uint8 -> the picture with its lamp turned to that dial, added in linear light.

    Where the lamp burns already, gain 1 leaves the picture as it is, and gain 0 is off.
    """
    return relight(picture, [light_in(translator, picture, mask)], [dial], burning=translator.burning)


def carried_light(
    translator: Translator, picture: ByteArray, mask: FloatArray | None = None, side: int | None = None
) -> FloatArray:
    """`predict_light` of gain 1 at the picture's own size, looked at as `light_in` says."""
    height, width = picture.shape[:2]
    if side is None or min(height, width) <= side:
        return predict_light(translator, picture, mask)
    scale = side / min(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    at = None if mask is None else np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32)
    there = translator.response.light(small).astype(np.float32) + _LEAST_LIGHT
    times = predict_light(translator, small, at) / there
    layer = np.asarray(cv2.resize(times, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    for rows in strips(picture.shape):
        layer[rows] = layer[rows] * (translator.response.light(picture[rows]) + _LEAST_LIGHT)
    return layer


def _statistics(translator: Translator, seen: Tensor, gain: float, tile: int) -> Statistics | None:
    """Of the picture at the side of training where it is larger, of all of it where it takes tiles; else None: own."""
    height, width = seen.shape[-2:]
    multiple, scale = translator.network.multiple, min(1.0, translator.side / min(height, width))
    if scale == 1 and max(height, width) <= tile:
        return None
    size = [max(1, round(each * scale / multiple)) * multiple for each in (height, width)]
    small = F.interpolate(seen, size=size, mode="bilinear", align_corners=False, antialias=True)
    statistics = Statistics()
    _look(translator.network, small, gain, statistics)
    return statistics


def _look(network: TranslatorNetwork, seen: Tensor, gain: float, statistics: Statistics | None) -> Tensor:
    """(1,3 or 4,h,w) picture and mask -> (1,3,h,w) light."""
    asked = None if network.dial is None else seen.new_full((len(seen),), gain)
    light: Tensor = network(seen[:, :3], seen[:, 3:] if network.condition else None, asked, statistics)
    return light


def _built(tensors: Mapping[str, Tensor], settings: Mapping[str, object]) -> Translator:
    channels, norm, side = settings["channels"], settings["norm"], settings["side"]
    response, attribute = settings["response"], settings["attribute"]
    if not isinstance(channels, list) or not isinstance(norm, str) or not isinstance(side, int):
        raise ValueError(f"settings {settings}")
    if response not in RESPONSES or not isinstance(attribute, str):
        raise ValueError(f"settings {settings}")
    network = TranslatorNetwork(channels, norm, condition=bool(settings["condition"]), dial=bool(settings["dial"]))
    for name, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name} is not finite: training has diverged")
    network.load_state_dict(dict(tensors))
    network.eval().requires_grad_(False)
    return Translator(network, side, RESPONSES[str(response)], attribute, bool(settings.get("burning", False)))
