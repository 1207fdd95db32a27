"""HiGAN's .npy boundaries: the published files, hostile ones, and files HiGAN can read back."""

from __future__ import annotations

import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.errors import WeightsError
from higan_cam.manipulate.higan_npy import MAX_BYTES, decode_npy, encode_npy
from higan_cam.manipulate.layer_lists import MAX_ROWS, format_layers, layer_rows
from higan_cam.types import Boundary

NORMAL = np.random.default_rng(0).standard_normal(16).astype(np.float32)
NORMAL /= np.linalg.norm(NORMAL)
BOUNDARY = Boundary(NORMAL, 0.0, "w", (6, 7, 8, 11), "light")


def npy(value: object, dtype: object = object) -> bytes:
    """What numpy itself writes today."""
    buffer = io.BytesIO()
    np.save(buffer, np.array(value, dtype=dtype))  # type: ignore[call-overload]
    return buffer.getvalue()


def object_file(body: bytes) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def test_published_files_give_their_vectors_and_layers(shared: Path) -> None:
    folder = shared / "boundaries" / "stylegan_bedroom"
    for entry in json.loads((folder / "structure.json").read_text())["files"]:
        boundary = decode_npy((folder / entry["file"]).read_bytes(), entry["file"])
        np.testing.assert_allclose(boundary.normal[:3], entry["first3"], atol=1e-7)
        assert boundary.normal.shape == (512,)
        assert np.linalg.norm(boundary.normal) == pytest.approx(1, abs=1e-6)
        assert boundary.layers == (tuple(range(5)) if boundary.attribute == "view" else tuple(range(6, 12)))
        assert (boundary.space, boundary.offset) == ("w", 0.0)


@pytest.mark.parametrize("kind", ["f4", "f8", ">f8"])
def test_what_a_current_numpy_writes_is_read(kind: str) -> None:
    vector = NORMAL.astype(kind)[None]
    value = {"boundary": vector, "meta_data": {"type": "attribute", "manipulate_layers": "0-2, 9"}}
    boundary = decode_npy(npy(value), "some/where/wood_boundary.npy")
    np.testing.assert_allclose(boundary.normal, NORMAL, atol=1e-7)
    assert (boundary.attribute, boundary.layers) == ("wood", (0, 1, 2, 9))
    np.testing.assert_allclose(decode_npy(npy(vector, kind), "x.npy").normal, NORMAL, atol=1e-7)
    assert decode_npy(npy(NORMAL, "f4"), "view_boundary.npy").layers == (0, 1, 2, 3, 4)


def test_an_exported_file_is_what_higan_loads() -> None:
    # HiGAN's own call, on bytes made two lines above: the one place where an object array is really unpickled
    value = np.load(io.BytesIO(encode_npy(BOUNDARY)), allow_pickle=True)[()]
    np.testing.assert_array_equal(value["boundary"], NORMAL[None].astype(np.float64))
    assert value["boundary"].dtype == np.float64
    assert value["meta_data"] == {"type": "attribute", "manipulate_layers": "6-8,11"}


def test_an_exported_file_comes_back_bit_for_bit_and_names_the_old_numpy() -> None:
    data = encode_npy(BOUNDARY)
    back = decode_npy(data, "light_boundary.npy")
    assert back.normal.tobytes() == NORMAL.tobytes()
    assert back.layers == BOUNDARY.layers
    assert b"numpy._core" not in data
    assert data == encode_npy(BOUNDARY)


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (f"touch {self.marker}",)


def test_a_malicious_file_is_refused_and_does_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    for value in (Payload(marker), {"boundary": Payload(marker)}, {"boundary": NORMAL, "meta_data": Payload(marker)}):
        with pytest.raises(WeightsError, match=r"evil.npy: .*system.*not allowed"):
            decode_npy(npy(value), "evil.npy")
    assert not marker.exists()
    pickle.loads(pickle.dumps(Payload(marker)))  # noqa: S301
    assert marker.exists(), "the payload is real: unpickled, it runs"


def test_a_huge_shape_is_refused_without_an_allocation() -> None:
    normal = encode_npy(BOUNDARY)
    huge = normal.replace(struct.pack("<i", 16) + b"t", struct.pack("<i", 2**31 - 1) + b"t")
    assert huge != normal
    with pytest.raises(WeightsError, match="does not fit its 128 bytes"):
        decode_npy(huge, "huge.npy")
    with pytest.raises(WeightsError, match="does not fit"):
        decode_npy(npy(NORMAL, "f4").replace(b"(16,), }       ", b"(999999999,), }"), "huge.npy")
    with pytest.raises(WeightsError, match="at most"):
        decode_npy(bytes(MAX_BYTES + 1), "big.npy")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no numpy"),
        (b"\x93NUMPY\x01\x00", "no numpy"),
        (b"\x93NUMPY\x02\x00" + bytes(50), "no numpy"),
        (npy(np.ones((1, 16)), "f4"), "length 4"),
        (npy(np.full((1, 16), np.nan), "f8"), "NaN"),
        (npy(np.eye(3), "f8"), r"shape \(3, 3\) and its 3 rows differ: one normal for each row of w\+"),
        (npy(np.ones((1, 3, 4)), "f4"), "length 2, expected 1"),
        (npy(np.ones((1, 1, 1, 1, 1)), "f4"), "does not fit"),
        (npy(np.zeros(0), "f4"), "does not fit"),
        (npy([1, 2], "i4"), "unexpected header"),
        (npy([{"boundary": 1}]), "not a plain float array but int '1'"),
        (npy([{"boundary": NORMAL}, {"boundary": NORMAL}]), r"object array of shape \(2,\), expected \(\)"),
        (npy({"boundary": "text"}), "not a plain float array but str 'text'"),
        (npy({"normal": NORMAL[None]}), "expected a 0-d"),
        (npy({"boundary": np.array(["a"])}), "not a plain float"),
        (npy({"boundary": NORMAL[None], "meta_data": {"manipulate_layers": "0-99999999999"}}), "layers must be"),
        (npy({"boundary": NORMAL[None], "meta_data": {"manipulate_layers": "11-6"}}), "layers"),
        (object_file(b"N."), "expected a 0-d"),
        (object_file(b""), "pickle"),
    ],
)
def test_damaged_files_are_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(WeightsError, match=f"bad.npy: .*{message}"):
        decode_npy(data, "bad.npy")


ROWS = tuple(range(MAX_ROWS))


@pytest.mark.parametrize(
    ("value", "layers"),
    [
        ([0, 1, 2], (0, 1, 2)),
        ((3, 1, 1), (1, 3)),
        (3, (3,)),
        (np.int64(4), (4,)),
        ([np.int32(4), 2], (2, 4)),
        (np.arange(3), (0, 1, 2)),
        (np.array([7, 8], dtype=">u2"), (7, 8)),
        ("0-2, 9", (0, 1, 2, 9)),
        ("3", (3,)),
        (None, ROWS),
        ("", ROWS),
        ([], ROWS),
    ],
    ids=repr,
)
def test_layers_are_read_as_higan_reads_them(value: object, layers: tuple[int, ...]) -> None:
    meta = {"manipulate_layers": value, "accuracy": 0.97, "fid": np.float64(0.97), "epochs": 2**40}
    for found in ({"boundary": NORMAL[None], "meta_data": meta}, [{"boundary": NORMAL[None], "meta_data": meta}]):
        assert decode_npy(npy(found), "view_boundary.npy").layers == layers


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        (None, "meta_data is NoneType 'None', expected a dict"),
        (["0-2"], r"meta_data is list .*, expected a dict"),
        ("0-2", "meta_data is str '0-2', expected a dict"),
        ({"manipulate_layers": True}, "manipulate_layers holds bool 'True', expected whole numbers"),
        ({"manipulate_layers": 3.0}, "manipulate_layers holds float '3.0', expected whole numbers"),
        ({"manipulate_layers": [0, "1"]}, "manipulate_layers holds str '1', expected whole numbers"),
        ({"manipulate_layers": [-1]}, "manipulate_layers holds -1, expected rows from 0 to 63"),
        ({"manipulate_layers": 64}, "manipulate_layers holds 64, expected rows from 0 to 63"),
        ({"manipulate_layers": {"a": 1}}, "manipulate_layers holds dict"),
        ({"manipulate_layers": np.array([0.5])}, "manipulate_layers is of numpy's type 'f8', expected whole numbers"),
        ({"manipulate_layers": np.float64(3)}, "manipulate_layers is of numpy's type 'f8'"),
        ({"manipulate_layers": "all"}, "layers must be a list like '6-11' or '0-4,8', got 'all'"),
    ],
    ids=repr,
)
def test_other_layers_are_refused_with_the_reason(meta: object, said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        decode_npy(npy({"boundary": NORMAL[None], "meta_data": meta}), "x.npy")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(16,), (1, 16), (1, 1, 16), (18, 16), (1, 18, 16)])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_equal_rows_are_one_normal(shape: tuple[int, ...], kind: str, order: str) -> None:
    rows = np.array(np.broadcast_to(NORMAL, shape), dtype=kind, order=order)  # type: ignore[call-overload]
    for found in (npy(rows, kind), npy({"boundary": rows, "meta_data": {"manipulate_layers": "6-11"}})):
        boundary = decode_npy(found, "x.npy")
        np.testing.assert_allclose(boundary.normal, NORMAL, atol=1e-3 if kind == "f2" else 1e-7)
        assert boundary.layers == (6, 7, 8, 9, 10, 11)


@pytest.mark.parametrize("shape", [(18, 16), (1, 18, 16)])
def test_rows_that_differ_are_refused_with_the_reason(shape: tuple[int, ...]) -> None:
    rows = np.array(np.broadcast_to(NORMAL, shape))
    rows[..., 3, :] = -rows[..., 3, :]
    with pytest.raises(WeightsError, match=r"its 18 rows differ: one normal for each row of w\+ .* is not supported"):
        decode_npy(npy(rows, "f4"), "x.npy")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 99) | st.floats() | st.text(max_size=6) | st.sampled_from(["0-2", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=200)
@given(VALUES, VALUES, st.sampled_from([NORMAL, NORMAL[None], np.eye(3), np.zeros((1, 2)), np.array("x"), 3, None]))
def test_any_values_give_a_boundary_or_a_weights_error(layers: object, meta: object, vector: object) -> None:
    for about in (meta, {"manipulate_layers": layers}):
        try:
            boundary = decode_npy(npy({"boundary": vector, "meta_data": about}), "x.npy")
        except WeightsError:
            continue
        assert all(0 <= row < MAX_ROWS for row in boundary.layers)


@settings(max_examples=200)
@given(st.integers(0, 1000), st.integers(0, 255), st.booleans())
def test_a_damaged_byte_gives_a_boundary_or_a_weights_error(at: int, value: int, truncate: bool) -> None:
    data = bytearray(encode_npy(BOUNDARY))
    data[at % len(data)] = value
    try:
        boundary = decode_npy(bytes(data[: at % len(data)] if truncate else data), "x.npy")
    except WeightsError:
        return
    assert np.linalg.norm(boundary.normal) == pytest.approx(1, abs=1e-5)


@given(st.sets(st.integers(0, 63), min_size=1))
def test_layer_lists_survive_being_written(layers: set[int]) -> None:
    assert layer_rows(format_layers(tuple(sorted(layers)))) == tuple(sorted(layers))
