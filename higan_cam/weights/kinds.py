"""What a file is, by its first bytes and not by its name, so that an error says what was found instead of weights."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal, cast, get_args

from higan_cam.errors import WeightsError
from higan_cam.weights.paths import check_there

Kind = Literal["safetensors", "torch"]
NUMPY = b"\x93NUMPY"
TORCHSCRIPT = "a TorchScript file, which holds code; save the module's state dict where you trust it"
_HEAD = 1024
_AGAIN = "fetch it again"
_LFS = "a Git LFS pointer, not the file that it stands for; run `git lfs pull` in its repository, or download it"
_UNPACK = "unpack it and name the file inside"
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        _LFS,
    ),
    (
        b"version https://hawser.github.com/spec/",
        _LFS,
    ),
    (b"/annex/objects/", "a git-annex pointer, not the file that it stands for; run `git annex get` in its repository"),
    (b"\x1f\x8b", f"a gzip archive; {_UNPACK}"),
    (b"BZh", f"a bzip2 archive; {_UNPACK}"),
    (b"\xfd7zXZ", f"an xz archive; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (b"Rar!", f"a RAR archive; {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"a zstandard archive; {_UNPACK}"),
    (b"\x89HDF", "an HDF5 file, such as Keras writes; convert it to PyTorch's keys and save it as safetensors"),
    (NUMPY, "a numpy array, not a state dict; expected .safetensors, or a file of torch.save"),
    (b"GGUF", "a GGUF file; expected .safetensors, or a file of torch.save"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<script", b"<!--")
_TAR_AT = 257


def kind_of(path: Path) -> Kind | str:
    """`safetensors` or `torch`, as far as the beginning says; else what the file is instead, with what to do."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return f"an empty file; its download or copy did not finish: {_AGAIN}"
    if head.startswith(b"PK"):
        return _zip(path)
    for beginning, reason in _BEGINNINGS:
        if head.startswith(beginning):
            return reason
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return f"a tar archive; {_UNPACK}"
    if head[8:9] == b"{" or (path.suffix == ".safetensors" and not _is_text(head)):
        return "safetensors"
    return _text(head) if _is_text(head) else "torch" if head[:1] == b"\x80" else _other(head, path)


def known_kind(path: Path) -> Kind:
    """`safetensors` or `torch`. WeightsError: no such file, or what it is instead."""
    check_there(path)
    try:
        kind = kind_of(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    if kind in get_args(Kind):
        return cast(Kind, kind)
    raise WeightsError(f"{path}: this is {kind}")


def stand_in(head: bytes) -> str | None:
    """What stands in the place of a text by these first bytes: a pointer, a page, an archive, a picture; else None."""
    for beginning, reason in _BEGINNINGS:
        if head.startswith(beginning):
            return reason
    if head.startswith(b"PK\x03\x04"):
        return f"a zip archive; {_UNPACK}"
    return _text(head) if head.lstrip()[:15].lower().startswith(_PAGES) else None


def check_array(path: Path) -> None:
    """WeightsError where a file that should be a .npy array is something else by its beginning."""
    with path.open("rb") as file:
        if file.read(len(NUMPY)) == NUMPY:
            return
    kind = kind_of(path)
    what = kind if kind not in get_args(Kind) else f"a file of {kind}, not a .npy array"
    raise WeightsError(f"{path}: this is {what}")


def _zip(path: Path) -> Kind | str:
    """Torch's own zip has one `data.pkl`; TorchScript has code beside it."""
    if not zipfile.is_zipfile(path):
        return f"a zip that breaks off after {path.stat().st_size:,} bytes; it may be truncated: {_AGAIN}"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        return f"a damaged zip ({error}): {_AGAIN}"
    last = {name.rpartition("/")[2] for name in names}
    if "data.pkl" not in last:
        return f"a zip with {', '.join(names[:3]) or 'nothing in it'}, which torch.save did not write; {_UNPACK}"
    if "constants.pkl" in last:
        return TORCHSCRIPT
    return "torch"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a character may be cut at the end
            return False
        text = head[: error.start].decode("utf-8-sig")
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)


def _text(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_PAGES) or b"<html" in start:
        return (
            "a web page, as file hosts answer that want a click or a login or have removed the file; open its address "
            "in a browser and download the file itself"
        )
    shown = " ".join(head.decode("utf-8-sig", errors="replace").split())[:60]
    if start.startswith(b"<"):
        return f"an XML text, as object stores answer where access is denied or nothing is there: {shown!r}"
    if start.startswith((b"{", b"[")):
        return f"a JSON text, not tensors: {shown!r}; name the file of weights that it stands beside, or {_AGAIN}"
    return f"a text that begins with {shown!r}; expected .safetensors, or a file of torch.save"


def _other(head: bytes, path: Path) -> str:
    return (
        f"an unknown kind of weights file {path.suffix!r} (it begins with {head[:8].hex(' ')}); "
        "expected .safetensors, or a file of torch.save such as .pth, .pt or .tar"
    )
