"""A text that a user wrote, in whatever encoding an editor or a spreadsheet saved it."""

from __future__ import annotations

import codecs
from pathlib import Path

from higan_cam.weights.kinds import stand_in

MAX_BYTES = 1 << 26
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 begins with that of UTF-16."""
_CONTROL = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\v")


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, UTF-16 or UTF-32, with a mark or without; else Windows-1252, much the same as Latin-1.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no text; says what it is where that is known.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    reason = stand_in(data[:1024])
    if reason is not None:
        raise ValueError(f"this is {reason}")
    text = _decoded(data)
    if _CONTROL & set(text):
        raise ValueError("not a text: it holds control characters")
    return text


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    for encoding, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[::2])):
        # Latin letters leave every other byte 0, which no other encoding does.
        if zeros.count(0) > len(zeros) / 2:
            return data.decode(encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
