"""Whether a file is a whole picture, found before training starts: half a JPEG decodes to one with a grey half."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
from PIL import Image, UnidentifiedImageError

from higan_cam.weights.kinds import stand_in

_DRAFT = (64, 64)
"""Pillow decodes a JPEG at the smallest size from this one on: all of the file is read, little of it computed."""
_HEAD = 1024
_THREADS = 4


def unreadable(paths: Sequence[Path]) -> dict[Path, str]:
    """{file: reason} of those that training could not use whole, in order."""
    with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(_THREADS) as pool:
        reasons = pool.map(problem_of, paths)
        return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason is not None}


def problem_of(path: Path) -> str | None:
    """Why a file is no picture that can be used, in a few words; None where it is one."""
    try:
        if not path.exists():
            return "no such file"
        if path.is_dir():
            return "a folder"
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or "not a file's name"
    if not head:
        return "empty"
    return _decoding_problem(path, head)


def looks_whole(data: bytes) -> bool:
    """Whether the end is there that the format writes last; True for formats that say nothing of it."""
    if data.startswith(b"\xff\xd8"):  # the end mark comes after the last scan, which may be one of a thumbnail
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda") >= 0
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-4096:]
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    if data.startswith(b"BM"):
        return len(data) >= int.from_bytes(data[2:6], "little")
    return True


def _decoding_problem(path: Path, head: bytes) -> str | None:
    try:
        with Image.open(path) as image:
            image.draft("RGB", _DRAFT)
            image.load()
    except UnidentifiedImageError:
        reason = stand_in(head)
        return "not a picture" if reason is None or reason == "a picture" else reason.partition(";")[0]
    except Image.DecompressionBombError:
        return "more pixels than a picture may have"
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError) as error:
        cut = "truncated" in str(error) or "broken data stream" in str(error)
        return "breaks off: a part of the picture is missing" if cut else f"damaged ({str(error)[:80]})"
    return None if cv2.haveImageReader(str(path)) else "not a kind of picture that is read here"
