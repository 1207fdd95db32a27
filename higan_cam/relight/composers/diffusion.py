"""`diffusion`: a lamp painted by an inpainting pipeline, of which only the hole is kept, and its light taken apart.

Recipe. A window around the mask, in the model's aspect, goes to the model at the model's size; what comes back is put
in its place at the picture's own resolution, in light, by a weight that is 0 outside of the mask and rises to 1 inside
of it: outside of the mask every byte is the photo's own, though the whole window passed through the model's
autoencoder. A pipeline paints the lamp burning. What is brighter than the photo is taken for its light, what is darker
for its body: a lamp of a bright body therefore has part of it in its light, and loses it when turned off.

Weights are the user's own, from a folder; nothing is fetched. Their licence is the user's to keep: many inpainting
models are under terms that say what may be made with them (the OpenRAIL family, non-commercial ones), which hold for
the pictures as well.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from higan_cam.errors import ConfigError
from higan_cam.relight.composers.compose import Composed, Spot, nothing
from higan_cam.relight.composers.pipelines import DiffusionSettings, load_pipeline
from higan_cam.relight.composers.windows import Window, fading_inside, window_around
from higan_cam.relight.light import light_of_pair
from higan_cam.relight.response import SRGB
from higan_cam.types import ByteArray, FloatArray, Place

__all__ = ["Diffusion", "DiffusionSettings"]
_WHITE = 255


class Diffusion:
    """Paints where the mask is; without a mask, in the place's box. One call at a time: samplers count their steps.

    Raises:
        ConfigError, WeightsError: as `load_pipeline`.
    """

    def __init__(self, settings: DiffusionSettings) -> None:
        self._settings = settings
        self._pipeline = load_pipeline(settings)
        self._turn = threading.Lock()

    @property
    def digests(self) -> dict[str, str]:
        """{role: sha256} of the pipeline's files and of its adapter."""
        roles = {"pipeline": "weights", "adapter": "adapter_weights"}
        record = self._pipeline.record
        return {role: str(record[name]) for role, name in roles.items() if name in record}

    def __call__(self, spot: Spot) -> Composed:
        """ConfigError where the pipeline refuses its size or another setting."""
        hole = spot.mask if spot.mask is not None else _box(spot.place, spot.picture.shape[:2])
        record = {"composer": "diffusion", **self._pipeline.record, **self._asked(spot)}
        if not hole.any():
            return nothing(spot, "the mask is empty: there is nothing to paint in", record)
        if self._pipeline.reference and spot.lamp is None:
            return nothing(spot, f"{record['pipeline']} paints after a picture of a lamp, and none was given", record)
        window = window_around(hole, self._pipeline.size, self._settings.margin)
        record |= {"window": [window.top, window.left, window.height, window.width]}
        drawn, reason = self._draw(spot, hole, window)
        if drawn is None:
            return nothing(spot, reason, record)
        return _taken_apart(spot.picture, _pasted(spot.picture, window.over(drawn, spot.picture), hole), record)

    def _asked(self, spot: Spot) -> dict[str, object]:
        """What of the settings the pipeline hears of, as JSON has it."""
        wanted = self._settings
        said = {
            **{"prompt": wanted.prompt, "negative_prompt": wanted.negative_prompt, "strength": wanted.strength},
            **{"guidance_scale": wanted.guidance, "num_inference_steps": wanted.steps},
        }
        heard = {name: value for name, value in said.items() if name in self._pipeline.takes}
        reference = self._pipeline.reference if spot.lamp is not None else None
        return {**heard, "reference": reference, "seed": spot.seed, "size": list(self._pipeline.size)}

    def _draw(self, spot: Spot, hole: ByteArray, window: Window) -> tuple[ByteArray | None, str]:
        """(h,w,3) of the model's size; or None and why."""
        try:
            with self._turn:
                answer = self._pipeline.call(**self._arguments(spot, hole, window))
        except ValueError as error:  # how pipelines refuse a size or a combination of arguments
            name = self._pipeline.record["pipeline"]
            raise ConfigError(f"diffusion: {name} refuses its settings, size {self._pipeline.size}: {error}") from error
        if any(getattr(answer, "nsfw_content_detected", None) or ()):
            return None, "the model's own safety checker withheld what it drew; try another seed"
        levels: FloatArray = np.asarray(answer.images[0], np.float32)
        if not np.isfinite(levels).all():
            return None, "the model drew values that are no numbers; try dtype float32"
        return np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8), ""

    def _arguments(self, spot: Spot, hole: ByteArray, window: Window) -> dict[str, Any]:
        import torch
        from PIL import Image

        asked = {name: value for name, value in self._asked(spot).items() if name in self._pipeline.takes}
        height, width = size = self._pipeline.size
        # Any pixel of the model's that the hole touches is painted: the weight never asks for one that was not.
        touched = ((window.seen(((hole > 0) * 255).astype(np.uint8), size) > 0) * 255).astype(np.uint8)
        given = {
            **{"image": Image.fromarray(window.seen(spot.picture, size)), "mask_image": Image.fromarray(touched)},
            **{"height": height, "width": width, "output_type": "np"},
            "generator": torch.Generator("cpu").manual_seed(spot.seed),
        }
        if self._pipeline.reference and spot.lamp is not None:
            given[self._pipeline.reference] = Image.fromarray(on_white(spot.lamp))
        return {**asked, **{name: value for name, value in given.items() if name in self._pipeline.takes}}


def on_white(lamp: ByteArray) -> ByteArray:
    """(h,w,4) RGBA -> (s,s,3) RGB in the middle of a white square, so that no encoder's own crop cuts it off."""
    height, width = lamp.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.full((side, side, 3), _WHITE, np.uint8)
    alpha = lamp[..., 3:].astype(np.float64) / 255
    shown = np.rint(alpha * lamp[..., :3] + (1 - alpha) * _WHITE).astype(np.uint8)
    square[top : top + height, left : left + width] = shown
    return square


def _box(place: Place, shape: tuple[int, ...]) -> ByteArray:
    """(H,W) mask of a place's box."""
    height, width = shape[:2]
    top, left = round(place.top * height), round(place.left * width)
    mask = np.zeros((height, width), np.uint8)
    mask[top : round((place.top + place.height) * height), left : round((place.left + place.width) * width)] = 255
    return mask


def _pasted(picture: ByteArray, drawn: ByteArray, hole: ByteArray) -> ByteArray:
    """weight x drawn + (1 - weight) x picture, in light; the picture's own bytes outside of the hole."""
    weight = fading_inside(hole)
    inside = weight > 0
    there, new = SRGB.light(picture[inside]), SRGB.light(drawn[inside])
    result = picture.copy()
    result[inside] = SRGB.display(there + weight[inside, None] * (new - there))
    return result


def _taken_apart(before: ByteArray, lit: ByteArray, record: dict[str, object]) -> Composed:
    """What got brighter is the light, what got darker the body: `relight` puts both together again, to the byte."""
    return Composed(np.minimum(before, lit), light_of_pair(before, lit), record)
