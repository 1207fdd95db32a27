"""A lamp put where it is wanted: composers by name, one interface, (spot) -> picture with the lamp, and its light."""

from higan_cam.relight.composers.compose import Composed, Composer, Spot

__all__ = ["Composed", "Composer", "Spot"]
