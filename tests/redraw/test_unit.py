"""Pictures of a listing, larger, one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from higan_cam.pictures import Picture, PictureRow, Unreadable
from higan_cam.redraw import unit
from higan_cam.redraw.network import UpscalerNetwork
from higan_cam.redraw.unit import upscale_unit
from higan_cam.redraw.upscaler import as_upscaler, upscale
from tests.relight.translator.conftest import picture

Build = Callable[..., UpscalerNetwork]


def test_every_picture_has_a_row_and_those_that_cannot_be_read_or_are_too_large_a_reason(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "MAX_PIXELS", 4 * 21 * 30)
    upscaler, shown = as_upscaler(build(), "area"), picture(21, 30)
    found: dict[str, Picture | Unreadable] = {
        "0": Picture(shown, ("turned",)),
        "1": Unreadable("an empty file"),
        "2": Picture(picture(21, 31), ()),
    }
    rows = [PictureRow(index, str(index), 0, "", 0, None) for index in range(3)]
    larger, broken, huge = upscale_unit(upscaler, 16, rows, lambda row: found[row.key])
    assert (larger.status, larger.notes) == ("ok", ("turned",))
    assert larger.image is not None
    np.testing.assert_array_equal(larger.image, upscale(upscaler, shown, tile=16))
    assert (broken.key, broken.status, broken.reason, broken.image) == ("1", "unreadable", "an empty file", None)
    assert (huge.status, huge.image) == ("too large", None)
    assert huge.reason == "62 x 42 would be more than the 2,520 pixels that pictures are read with"
