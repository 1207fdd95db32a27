"""What to say of a change of light: instructions, as those who train on pairs need them."""

from __future__ import annotations

from higan_cam.relight.light import Dial
from higan_cam.types import Place

_LEFT, _RIGHT = 0.4, 0.6
"""Shares of the width beyond which a place is on that side."""
_FELT = 30.0
"""Mired from which on a change of colour is worth a word; about the least that is seen at once."""


def lamp_words(place: Place) -> str:
    """Such as "the lamp on the left"."""
    side = "on the left" if place.x < _LEFT else "on the right" if place.x > _RIGHT else "in the middle"
    return f"the lamp {side}"


def change_words(before: Dial, after: Dial, own: float, place: Place) -> str:
    """An instruction that leads from one setting of a lamp to another; "" where there is nothing to say.

    Args:
        own: kelvin of the lamp where a dial leaves it alone.
    """
    lamp = lamp_words(place)
    if before.gain == 0 and after.gain == 0:
        return ""
    if after.gain == 0:
        return f"switch off {lamp}"
    if before.gain == 0:
        return f"switch on {lamp}{_manner(after, own)}"
    colour = _warmer_or_cooler(before.kelvin or own, after.kelvin or own)
    if before.gain == after.gain:
        return f"make {lamp} {colour}" if colour else ""
    turn = "dim" if after.gain < before.gain else "brighten"
    return f"{turn} {lamp} and make it {colour}" if colour else f"{turn} {lamp}"


def _manner(dial: Dial, own: float) -> str:
    bright = "dimly" if dial.gain < 0.75 else "brightly" if dial.gain > 1.25 else ""
    colour = _warmer_or_cooler(own, dial.kelvin or own)
    light = f"with {colour.replace('er', '')} light" if colour else ""
    said = [word for word in (bright, light) if word]
    return f", {', '.join(said)}" if said else ""


def _warmer_or_cooler(before: float, after: float) -> str:
    mired = 1e6 / after - 1e6 / before
    return "" if abs(mired) < _FELT else "warmer" if mired > 0 else "cooler"
