"""What to say of a change of light: instructions, as those who train on pairs need them."""

from __future__ import annotations

from collections.abc import Sequence

from higan_cam.relight.light import Dial
from higan_cam.types import Place

_LEFT, _RIGHT = 0.4, 0.6
"""Shares of the width beyond which a place is on that side."""
_HIGHER = 0.15
"""Share of the height from which on one lamp is called the upper one of two."""
_NUMBERS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_FELT = 30.0
"""Mired from which on a change of colour is worth a word; about the least that is seen at once."""


def lamp_names(places: Sequence[Place]) -> list[str]:
    """What to call each lamp of a picture, each by another name.

    By its side, as "the lamp on the left"; two on one side of which one is clearly higher, as "the upper lamp on the
    left"; else counted through all of the picture, as "the second lamp from the left".

    Args:
        places: of all lamps that the picture has.
    """
    return [_name(lamp, places) for lamp in range(len(places))]


def _name(lamp: int, places: Sequence[Place]) -> str:
    place, side = places[lamp], _side(places[lamp])
    beside = [other for number, other in enumerate(places) if number != lamp and _side(other) == side]
    if not beside:
        return f"the lamp {side}"
    if len(beside) == 1 and abs(beside[0].y - place.y) >= _HIGHER:
        return f"the {'upper' if place.y < beside[0].y else 'lower'} lamp {side}"
    number = sorted(range(len(places)), key=lambda each: (places[each].x, places[each].y)).index(lamp)
    return (
        f"the {_NUMBERS[number]} lamp from the left" if number < len(_NUMBERS) else f"lamp {number + 1} from the left"
    )


def _side(place: Place) -> str:
    return "on the left" if place.x < _LEFT else "on the right" if place.x > _RIGHT else "in the middle"


def change_words(before: Dial, after: Dial, own: float, lamp: str) -> str:
    """An instruction that leads from one setting of a lamp to another; "" where there is nothing to say.

    Args:
        own: kelvin of the lamp where a dial leaves it alone.
        lamp: what it is called (`lamp_names`).
    """
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
