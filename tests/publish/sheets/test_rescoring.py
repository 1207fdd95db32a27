"""The rescoring plot: a PNG of the same bytes every time, one row of bars per boundary."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from higan_cam.publish.sheets.rescoring import Rescored, draw_rescoring


def rescored(names: list[str], row: int) -> Rescored:
    return Rescored(
        overall=1.5,
        layers=np.linspace(0, 1, 6),
        carriers=(4, 5),
        entangled={"lighting": 0.8, "warmth": -1.7},
        cosines={name: float(index == row) for index, name in enumerate(names)},
    )


def test_one_more_boundary_makes_a_taller_picture_and_the_bytes_repeat() -> None:
    one = draw_rescoring({"a": rescored(["a"], 0)}, "lighting", 2.0)
    names = ["a", "b"]
    two = {name: rescored(names, row) for row, name in enumerate(names)}
    assert draw_rescoring(two, "lighting", 2.0) == draw_rescoring(two, "lighting", 2.0)
    sizes = [Image.open(io.BytesIO(body)).size for body in (one, draw_rescoring(two, "lighting", 2.0))]
    assert sizes[0][0] == sizes[1][0]
    assert sizes[0][1] < sizes[1][1]
