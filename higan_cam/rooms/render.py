"""Scenes to pictures: layers composited in linear light, lit, and tone-mapped, in batches.

    albedo = shell, then every slot over it with opacity presence x coverage
    linear = albedo * (exposure * ambient + day * daylight + sum_k present_k brightness_k pool_k) + glow
    image  = 2 sqrt(1 - exp(-linear)) - 1

Absent things multiply by exactly 0, so they leave no trace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from higan_cam.rooms.layers import Layer, Layers, layers_of
from higan_cam.rooms.scene import Scene, scene_of
from higan_cam.worlds.factors import check_resolution

WARM, COOL, AMBIENT = (1.0, 0.80, 0.52), (0.85, 0.95, 1.10), (0.92, 0.97, 1.06)
SHADE_GLOW, SKY_GLOW = (1.0, 0.88, 0.62), (0.90, 1.0, 1.12)
_DAYLIGHT, _SKY, _LAMP = 0.55, 2.2, 1.5
_CHUNK = 64
PALETTE = ("wall", "floor", "carpet", "furniture", "cover", "curtain", "rug", "picture_a", "picture_b")
"""Tints of a room, in the order of `Scene.tints`."""


@dataclass(frozen=True)
class Linear:
    """What the light of n scenes of one layout is made of, before tone mapping; linear light.

    Attributes:
        albedo: (n,3,H,W).
        unlit: (n,3,H,W) the picture with every lamp off.
        layers: of their layout.
    """

    albedo: Tensor
    unlit: Tensor
    layers: Layers


def _mix(low: tuple[float, ...], high: tuple[float, ...], t: Tensor) -> Tensor:
    """(n,) in [0,1] -> (n,3) sRGB between two colours."""
    return torch.lerp(torch.tensor(low), torch.tensor(high), t[:, None])


def palette(scene: Scene) -> dict[str, Tensor]:
    """The colours of n scenes: tint name -> (n,3,1,1) linear light."""
    if scene.tints is not None:
        given = torch.from_numpy(scene.tints).square()[..., None, None]
        return dict(zip(PALETTE, given.unbind(1), strict=True))

    def get(name: str) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(scene.column(name)))

    wall = _mix((0.60, 0.68, 0.78), (0.82, 0.72, 0.58), get("wall_warmth"))
    wood = _mix((0.36, 0.23, 0.15), (0.78, 0.58, 0.38), get("wood_tone"))
    cover = torch.stack([get(f"cover_{c}") for c in ("red", "green", "blue")], 1) * 0.48 + 0.24
    cloth = _mix((0.28, 0.42, 0.66), (0.76, 0.45, 0.36), get("curtain_hue"))
    srgb = {
        "wall": wall * (0.72 + 0.40 * get("wall_lightness"))[:, None],
        "floor": _mix((0.44, 0.30, 0.20), (0.72, 0.54, 0.37), get("floor_tone")),
        "carpet": _mix((0.45, 0.46, 0.50), (0.72, 0.67, 0.60), get("floor_tone")),
        "furniture": torch.lerp(wood, torch.full_like(wood, 0.90), get("white_furniture")[:, None]),
        "cover": torch.lerp(cover, torch.full_like(cover, 0.88), get("white_cover")[:, None]),
        "curtain": cloth + (0.30 * get("curtain_lightness"))[:, None] * 2.0 * (0.95 - cloth),
        "rug": _mix((0.24, 0.36, 0.58), (0.62, 0.24, 0.22), get("rug_hue"))
        * (0.8 + 0.5 * get("rug_lightness"))[:, None],
        "picture_a": _mix((0.30, 0.62, 0.80), (0.92, 0.66, 0.34), get("picture_a_hue")),
        "picture_b": _mix((0.20, 0.50, 0.42), (0.66, 0.28, 0.50), get("picture_b_hue")),
    }
    return {name: colour.square()[:, :, None, None] for name, colour in srgb.items()}


def _over(albedo: Tensor, layer: Layer, scene: Scene, colours: dict[str, Tensor]) -> None:
    """Composite one layer over (n,3,H,W), in place."""
    region = albedo[:, :, layer.rows, layer.columns]
    presence = None
    if layer.presence is not None:
        opacity = scene.column(layer.presence)
        if not opacity.any():
            return
        presence = torch.from_numpy(np.ascontiguousarray(opacity))[:, None, None, None]
    region.mul_(1.0 - (layer.alpha if presence is None else presence * layer.alpha))
    if layer.fixed is not None:
        region.add_(layer.fixed if presence is None else presence * layer.fixed)
    if layer.tinted is not None and layer.tint is not None:
        tint = colours[layer.tint] if presence is None else presence * colours[layer.tint]
        region.addcmul_(tint, layer.tinted)


def _albedo(scene: Scene, layers: Layers) -> Tensor:
    """(n,3,H,W) linear albedo of scenes of one layout."""
    colours = palette(scene)
    albedo = layers.shell_fixed + colours["wall"] * layers.shell_wall
    albedo.addcmul_(colours["floor"], layers.shell_floor)
    for layer in (*layers.slots, *layers.shades):
        _over(albedo, layer, scene, colours)
    return albedo


def exposure(scene: Scene) -> Tensor:
    """(n,) strength of the ambient light."""
    return torch.from_numpy(0.24 + 0.10 * scene.exposure + 0.06 * scene.column("day"))


def linear(scene: Scene, layout: int, resolution: int) -> Linear:
    """Albedo and lamp-free light of n scenes, all seen as `layout`."""
    layers = layers_of(layout, resolution)
    albedo = _albedo(scene, layers)
    day = torch.from_numpy(np.ascontiguousarray(scene.column("day")))[:, None, None, None]
    light = exposure(scene)[:, None, None, None] * layers.light[0] * torch.tensor(AMBIENT)[:, None, None]
    light.addcmul_(day, _DAYLIGHT * layers.light[1] * torch.tensor(COOL)[:, None, None])
    light.mul_(albedo).addcmul_(day, _SKY * layers.glow[0] * torch.tensor(SKY_GLOW)[:, None, None])
    return Linear(albedo, light, layers)


def lamp_light(parts: Linear, strength: Tensor) -> Tensor:
    """(n,K) strengths present x brightness -> (n,3,H,W) linear light that the lamps add."""
    n, _, height, width = parts.albedo.shape
    pools = (strength @ parts.layers.light[2:].flatten(1)).view(n, 1, height, width)
    glows = (strength @ parts.layers.glow[1:].flatten(1)).view(n, 1, height, width)
    lit = parts.albedo * (pools * (_LAMP * torch.tensor(WARM))[:, None, None])
    return lit.addcmul_(glows, torch.tensor(SHADE_GLOW)[:, None, None])


def tone(light: Tensor) -> Tensor:
    """Linear light -> display value in [0,1], smoothly saturating."""
    return torch.neg(light).expm1_().neg_().clamp_(min=0.0).sqrt_()


def groups(scene: Scene) -> list[tuple[int, npt.NDArray[np.intp]]]:
    """(layout, rows that show it): a row in between the layouts is in both, weighted by `share`."""
    return [(0, np.flatnonzero(scene.layout < 1.0)), (1, np.flatnonzero(scene.layout > 0.0))]


def share(scene: Scene, layout: int) -> Tensor:
    """(n,1,1,1) weight of a layout in each picture."""
    weight = scene.layout if layout == 1 else 1.0 - scene.layout
    return torch.from_numpy(np.ascontiguousarray(weight))[:, None, None, None]


def strength(scene: Scene) -> Tensor:
    """(n,K) present x brightness."""
    return torch.from_numpy(scene.present * scene.brightness)


def as_scene(source: Scene | npt.ArrayLike) -> Scene:
    """A scene as it is, latents as the scene they mean."""
    return source if isinstance(source, Scene) else scene_of(source)


def render(source: Scene | npt.ArrayLike, resolution: int = 128) -> Tensor:
    """Latents (N,128) or a scene -> pictures (N,3,resolution,resolution) float32 in [-1,1].

    Raises:
        ValueError: the resolution is not a positive multiple of 32, or z is not (N,128).
    """
    check_resolution(resolution)
    scene = as_scene(source)
    image = torch.zeros(len(scene), 3, resolution, resolution)
    for layout, rows in groups(scene):
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            part = scene.take(chunk)
            parts = linear(part, layout, resolution)
            shown = tone(parts.unlit.add_(lamp_light(parts, strength(part))))
            image.index_add_(0, torch.from_numpy(chunk), shown.mul_(share(part, layout)))
    return image.mul_(2.0).sub_(1.0)
