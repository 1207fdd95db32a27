"""A text or a table that a user wrote, in whatever encoding an editor or a spreadsheet saved it."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Generator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from higan_cam.weights.kinds import stand_in

MAX_BYTES = 1 << 26
_HEAD = 1 << 16
_SEPARATORS = "\t;"
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
    encoding, errors = encoding_of(io.BytesIO(data))
    return checked_text(data.decode(encoding, errors))


def rows_in(file: BinaryIO) -> Generator[tuple[int, list[str]], None, None]:
    """(number from 1, cells without spaces around them) of each line of a table that is not empty, one at a time.
    Close it before the file.

    Separated by commas, or where the first line has none by tabs or semicolons.

    Raises:
        ValueError: this is no text; says what it is where that is known.
        csv.Error: no table.
    """
    encoding, errors = encoding_of(file)
    file.seek(0)
    text = io.TextIOWrapper(cast(io.BufferedReader, file), encoding, errors, newline="")
    try:
        first = text.readline()
        separator = next((each for each in _SEPARATORS if each in first and "," not in first), ",")
        lines = map(checked_text, chain([first], text))
        for number, row in enumerate(csv.reader(lines, delimiter=separator), start=1):
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield number, cells
    finally:
        text.detach()


def checked_text(text: str) -> str:
    """The text. ValueError: it holds control characters that no text holds."""
    if _CONTROL & set(text):
        raise ValueError("not a text: it holds control characters")
    return text


def encoding_of(file: BinaryIO) -> tuple[str, str]:
    """The encoding of a text from here to its end, and how `decode` is to treat what does not belong to it.

    Raises:
        ValueError: the beginning is that of no text; says what it is where that is known.
    """
    start = file.tell()
    head = file.read(_HEAD)
    reason = stand_in(head[:1024])
    if reason is not None:
        raise ValueError(f"this is {reason}")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, "strict"
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        # Latin letters leave every other byte 0, which no other encoding does.
        if zeros.count(0) > len(zeros) / 2:
            return encoding, "strict"
    file.seek(start)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while part := file.read(_HEAD):
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252", "replace"
    return "utf-8", "strict"
