"""A file that is no weights is named for what it is, and never with advice to run what is in it."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from higan_cam.errors import HiganCamError, WeightsError
from higan_cam.weights.files import load_tensors, sha256_of
from higan_cam.weights.paths import split_network
from higan_cam.weights.zoo import path_of, weights_folder

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123\n"


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "x")  # no clock: two workers would name their tests differently
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".ckpt"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "an empty file"),
        (POINTER, "a Git LFS pointer"),
        (b"<!DOCTYPE html><html>Google Drive - Virus scan warning</html>", "a web page"),
        (b"\xef\xbb\xbf\n <html lang='en'>", "a web page"),
        (b"<!-- saved --><html>", "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "an XML text, as object stores answer"),
        (b'{"error": "Invalid credentials"}', "a JSON text, not tensors: .*Invalid credentials"),
        (b"Entry not found", "a text that begins with 'Entry not found'"),
        ("é".encode() * 2000, "a text that begins with"),
        (zipped("a.txt"), "a zip with a.txt, which torch.save did not write"),
        (zipped("a.txt")[:20], "a zip that breaks off after 20 bytes"),
        (b"\x1f\x8b\x08" + bytes(30), "a gzip archive"),
        (tarred(), "a tar archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(30), "an HDF5 file"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\x93NUMPY\x01\x00", "a numpy array"),
        (b"/annex/objects/SHA256E-s3--0.pth\n", "a git-annex pointer"),
    ],
)
def test_what_a_file_is_instead_is_said(data: bytes, said: str, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"x{suffix}").write_bytes(data)
    with pytest.raises(WeightsError, match=rf"x\{suffix}: this is {said}"):
        load_tensors(tmp_path / f"x{suffix}")


STATE = {"state_dict": {"a": torch.ones(2)}}


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "older"])
@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"best_fid": np.float64(3.0)}, r"numpy\.float64 at best_fid;"),
        ({"best": {"fid": [1, np.float32(3.0)]}}, r"numpy\.float32 at best\.fid\.1;"),
        ({"n": np.int64(1), "p": PurePosixPath("x")}, r"numpy\.int64 at n, pathlib\.PurePosixPath at p;"),
        ({"mean": np.zeros(3)}, r"numpy\.ndarray at mean;"),
        ({"model": nn.Linear(2, 2)}, r"torch\.nn\.modules\.linear\.Linear at model;"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_tensor_is_named_with_its_place(
    beside: dict[str, object], said: str, zip_format: bool, tmp_path: Path
) -> None:
    torch.save(STATE | beside, tmp_path / "x.pth", _use_new_zipfile_serialization=zip_format)
    with pytest.raises(WeightsError, match=said) as caught:
        load_tensors(tmp_path / "x.pth")
    assert "weights_only" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.binary(max_size=80), st.sampled_from([b"", b"\x80\x02", b"PK\x03\x04", bytes(8) + b"{", b"\x80\x04\x95"]))
def test_any_bytes_give_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, data: bytes, start: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "x.pth"
    path.write_bytes(start + data)
    with pytest.raises(HiganCamError) as caught:
        load_tensors(path)
    assert "weights_only" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.integers(0, 1200), st.integers(0, 255), st.booleans())
def test_a_damaged_checkpoint_gives_tensors_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int, truncate: bool
) -> None:
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    data = bytearray(buffer.getvalue())
    data[at % len(data)] = value
    path = tmp_path_factory.mktemp("damaged") / "x.pth"
    path.write_bytes(data[: at % len(data)] if truncate else data)
    said = ""
    try:
        load_tensors(path)
    except HiganCamError as error:
        said = str(error)
    assert "weights_only" not in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("s3://bucket/x.pth", "this is an address, and weights are read from files on this machine"),
        ("https://host/x.pth", "this is an address"),
        ("$HOME/x.pth", "variables and unknown users' ~ are not expanded"),
        ("~nobody-of-this-name/x.pth", "variables and unknown users' ~ are not expanded"),
        ("x.pth", "no such weights file; check the path"),
        (f"{'x' * 300}.pth", r"x: cannot be read \(File name too long\)"),
    ],
)
def test_why_nothing_is_there_is_said(name: str, said: str) -> None:
    for read in (load_tensors, sha256_of):
        with pytest.raises(WeightsError, match=said):
            read(name)


def test_a_folder_is_said_with_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(
        WeightsError, match=r"a folder, not a weights file; name a file in it \(it has model\.safetensors"
    ):
        load_tensors(tmp_path)


def test_home_is_expanded_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    torch.save(STATE, tmp_path / "x.pth")
    assert path_of("~/x.pth") == path_of("~/x.pth#a") == tmp_path / "x.pth"
    assert set(load_tensors("~/x.pth")[0]) == {"a"}
    assert sha256_of("~/x.pth") == sha256_of(tmp_path / "x.pth")
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", "~/zoo")
    assert weights_folder() == tmp_path / "zoo"
    assert weights_folder("~/other") == tmp_path / "other"


def test_a_network_is_named_behind_the_path(tmp_path: Path) -> None:
    assert split_network("a/x.pth#G.ema") == ("a/x.pth", "G.ema")
    assert split_network("a/x.pth") == ("a/x.pth", None)
    assert split_network("runs #1/none.pth") == ("runs #1/none.pth", None)
    (tmp_path / "a#b.pth").touch()
    assert split_network(str(tmp_path / "a#b.pth")) == (str(tmp_path / "a#b.pth"), None)
