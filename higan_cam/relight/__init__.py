"""Light put in and taken out, in the units in which it adds up: relit = picture + (gain x colour - burning) x light.

Pure functions on pictures at their own size; what is encoded for display is clamped once, at the end.
"""

from higan_cam.relight.light import Dial, Light, light_layer, light_of_pair, relight
from higan_cam.relight.planck import planck_rgb, temperature_of, tint
from higan_cam.relight.response import FILM, RESPONSES, SRGB, Response, response_of_lamps

__all__ = [
    "FILM",
    "RESPONSES",
    "SRGB",
    "Dial",
    "Light",
    "Response",
    "light_layer",
    "light_of_pair",
    "planck_rgb",
    "relight",
    "response_of_lamps",
    "temperature_of",
    "tint",
]
