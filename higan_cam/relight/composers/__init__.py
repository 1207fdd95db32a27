"""A lamp put where it is wanted: composers by name, one interface, (spot) -> picture with the lamp, and its light."""

from higan_cam.relight.composers.compose import Composed, Composer, Spot
from higan_cam.relight.composers.named import COMPOSERS, load_composer

__all__ = ["COMPOSERS", "Composed", "Composer", "Spot", "load_composer"]
