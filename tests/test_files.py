"""The one door through which local files are written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from higan_cam.files import write_whole


def test_text_and_bytes_are_written_over_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    for content in ("first", b"second", "dr\u00fcber"):
        write_whole(path, content)
    assert path.read_bytes() == b"dr\xc3\xbcber"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.json"
    write_whole(path, "whole")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "half")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    path, link = tmp_path / "real" / "sheet.png", tmp_path / "sheet.png"
    link.symlink_to(path)
    write_whole(link, b"drawn")
    assert link.is_symlink()
    assert path.read_bytes() == b"drawn"


def test_what_is_no_regular_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
