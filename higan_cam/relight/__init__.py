"""Light put in and taken out, in the units in which it adds up: relit = picture + (gain x colour - burning) x light.

Pure functions on pictures at their own size; what is encoded for display is clamped once, at the end.
"""

from higan_cam.relight.light import Dial, Light, light_layer, light_of_pair, relight
from higan_cam.relight.planck import planck_rgb, temperature_of, tint
from higan_cam.relight.response import RESPONSES, SRGB, Response

__all__ = [
    "RESPONSES",
    "SRGB",
    "Dial",
    "Light",
    "Response",
    "light_layer",
    "light_of_pair",
    "planck_rgb",
    "relight",
    "temperature_of",
    "tint",
]
