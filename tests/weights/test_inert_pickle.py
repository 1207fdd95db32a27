"""Pickles are read as data; what could run or blow up is refused."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.weights.inert_pickle import Call, Global, read_pickle

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(plain, st.sampled_from([2, 3, 4]))
def test_plain_values_come_back_as_they_were(value: object, protocol: int) -> None:
    try:
        read = read_pickle(pickle.dumps(value, protocol))
    except ValueError:
        assert protocol == 2  # bytes need a call to _codecs.encode there, which is refused
    else:
        assert read == value


def test_calls_are_recorded_and_not_made() -> None:
    read = read_pickle(pickle.dumps(np.zeros((1, 3)), 4))
    assert isinstance(read, Call)
    assert read.function == "_reconstruct"
    assert read.arguments == (Global("ndarray"), (0,), b"b")
    assert isinstance(read.state, tuple)
    assert read.state[1] == (1, 3)


class Payload:
    """What a malicious file holds: unpickling it runs a shell command."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_payload_is_refused_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(ValueError, match="not allowed"):
        read_pickle(pickle.dumps({"boundary": Payload(marker)}, protocol))
    assert not marker.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x02cnumpy\nload\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x02Nr\xff\xff\xff\xff.",  # memo index that makes the C unpickler allocate 64 GB
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes of 2**63
        b"\x80\x03B\xff\xff\xff\xffab.",  # bytes longer than the file
        b"\x80\x02Pname\n.",
        b"\x80\x02\x82\x01.",
    ],
)
def test_opcodes_and_sizes_outside_plain_arrays_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not allowed|expected|bytes"):
        read_pickle(data)


@pytest.mark.parametrize(
    "data",
    [b"", b".", b"N", b"NN.", b"t.", b"(.", b"K\x01a.", b"]NNs.", b"NNR.", b"Nb.", b"h\x05.", b"(N\x85.", b"N.N"],
)
def test_malformed_pickles_are_value_errors(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"pickle|STOP|opcode"):
        read_pickle(data)


def test_shared_tuples_that_would_hash_for_ever_are_refused_at_once() -> None:
    bomb = b"\x80\x02}N" + b"q\x00h\x00\x86" * 200 + b"Ns."
    start = time.monotonic()
    with pytest.raises(ValueError, match="malformed"):
        read_pickle(bomb)
    assert time.monotonic() - start < 5


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    try:
        read_pickle(b"\x80\x03" + data)
    except ValueError:
        return
