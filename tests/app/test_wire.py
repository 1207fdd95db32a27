"""Frames and levels come out as they went in; anything else is no frame."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.app.wire import LEVELS, FrameError, decode_layer, encode_layer, pack, unpack


@given(st.dictionaries(st.sampled_from(["a", "b", "picture"]), st.binary(max_size=50)), st.text(max_size=20))
def test_a_frame_comes_out_as_it_went_in(files: dict[str, bytes], text: str) -> None:
    assert unpack(pack({"said": text}, **files)) == ({"said": text}, files)


@given(st.binary(max_size=200))
def test_whatever_else_comes_is_refused_and_nothing_else_is_raised(body: bytes) -> None:
    try:
        unpack(body)
    except FrameError as error:
        assert "request" in str(error)  # noqa: PT017 - the text is what a visitor reads


def _framed(said: object, rest: bytes = b"") -> bytes:
    told = json.dumps(said).encode()
    return len(told).to_bytes(4, "little") + told + rest


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0",
        (10**9).to_bytes(4, "little") + b"{}",
        (2).to_bytes(4, "little") + b"[]",
        _framed({"parts": None}),
        _framed({"parts": [["a", -3], ["b", 3]]}),
        _framed({"parts": [["a", 10**30]]}),
        _framed({"parts": [["a", 3]]}, b"ab"),
        _framed({"parts": [["a", 1]]}, b"ab"),
        _framed({"parts": [["a"]]}),
        _framed([["a", 1]]),
        _framed({"parts": [["a", float("1e400")]]}),
        _framed({"said": "x" * 5000, "parts": []}),
        (4000).to_bytes(4, "little") + b"[" * 4000,
    ],
)
def test_a_frame_that_breaks_off_or_lies_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(body)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-4, 0.3, 7.5]))
def test_levels_are_off_by_half_a_step_at_most(seed: int, peak: float) -> None:
    layer = (peak * np.random.default_rng(seed).random((5, 7, 3)) ** 4).astype(np.float32)
    body, step = encode_layer(layer)
    assert step == np.float32(layer.max() / LEVELS)
    back = decode_layer(body, step, 5, 7)
    assert np.abs(back - layer).max() <= step / 2 * 1.01 + np.spacing(layer.max())


def test_no_light_is_levels_of_zero() -> None:
    body, step = encode_layer(np.zeros((3, 4, 3), np.float32))
    assert step == 0
    assert not decode_layer(body, step, 3, 4).any()
