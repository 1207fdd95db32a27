"""Shards of codes: what goes in comes out, also of pictures without a code."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.errors import StoreError
from higan_cam.publish.codes import FIGURES, decode_codes, encode_codes
from higan_cam.types import PictureCode


def code(index: int = 0, **values: object) -> PictureCode:
    """A row with a code of 3 x 4."""
    known = {
        "key": f"rooms/é {index}.jpg",
        "bytes": 1234,
        "etag": "sha256:ab",
        "offset": 0,
        "status": "ok",
        "reason": "",
        "notes": ("alpha on white",),
        "size": (480, 640),
        "place": (3.75, 80.0, -0.5),
        "camera": (0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0),
        "w_plus": np.arange(12, dtype=np.float32).reshape(3, 4) + index,
        "figures": dict.fromkeys(FIGURES, 1.5),
    }
    return PictureCode(index=index, **(known | values))  # type: ignore[arg-type]


def test_rows_come_back_as_they_went_in() -> None:
    there, here = code(7), decode_codes(encode_codes([code(7)]))[0]
    np.testing.assert_array_equal(here.w_plus, there.w_plus)
    for name in PictureCode.__dataclass_fields__:
        if name != "w_plus":
            assert getattr(here, name) == getattr(there, name), name


def test_a_picture_without_a_code_is_a_row_with_its_reason() -> None:
    nothing = code(status="unreadable", reason="cut off", size=(0, 0), camera=(), figures={})
    here = decode_codes(encode_codes([code(), nothing]))[1]
    assert (here.status, here.reason, here.figures, here.camera) == ("unreadable", "cut off", {}, ())


def test_figures_that_are_unknown_or_not_finite_are_left_out() -> None:
    here = decode_codes(encode_codes([code(figures={"psnr": float("nan"), "steps": 20.0})]))[0]
    assert here.figures == {"steps": 20.0}


def test_equal_rows_give_equal_bytes() -> None:
    assert encode_codes([code(), code(1)]) == encode_codes([code(), code(1)])


@pytest.mark.parametrize("body", [b"", b"PAR1", encode_codes([code()])[:-20]])
def test_what_is_no_shard_of_codes_is_said(body: bytes) -> None:
    with pytest.raises(StoreError, match="not a shard of codes"):
        decode_codes(body)
