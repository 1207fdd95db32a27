"""Which curve pictures have is told by lamps one by one, and by nothing less."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.relight import RESPONSES, Response, response_of_lamps
from higan_cam.types import ByteArray, FloatArray


def glow(x: int) -> FloatArray:
    """(32,48,3) light around a place."""
    rows, columns = np.mgrid[:32, :48]
    fall = 0.4 / (1 + ((rows - 16) ** 2 + (columns - x) ** 2) / 60)
    return np.asarray(fall[..., None] * [1.0, 0.7, 0.4])


def taken(response: Response, *lamps: int) -> ByteArray:
    """A grey wall with lamps at these places."""
    return response.display(np.full((32, 48, 3), 0.05) + sum((glow(x) for x in lamps), np.zeros((32, 48, 3))))


@pytest.mark.parametrize("name", sorted(RESPONSES))
def test_the_curve_is_the_one_in_which_lamps_add_up(name: str) -> None:
    curve = RESPONSES[name]
    alone = [taken(curve, x) for x in (14, 34)]
    assert response_of_lamps(taken(curve), alone, taken(curve, 14, 34)) is curve


def test_one_lamp_or_another_size_tells_nothing() -> None:
    off = taken(RESPONSES["srgb"])
    with pytest.raises(ValueError, match="two lamps or more"):
        response_of_lamps(off, [off], off)
    with pytest.raises(ValueError, match="of one size"):
        response_of_lamps(off, [off, off[1:]], off)
