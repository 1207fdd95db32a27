"""The files that ship."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from higan_cam.train.files import halved, json_text, write_whole


def test_only_floating_point_tensors_are_halved() -> None:
    small = halved({"weight": torch.tensor([0.5, 3.0]), "count": torch.tensor(70_000)})
    assert (small["weight"].dtype, small["count"].dtype) == (torch.float16, torch.int64)
    assert small["weight"].tolist() == [0.5, 3.0]
    assert int(small["count"]) == 70_000


def test_figures_are_sorted_lines_and_a_number_that_is_none_is_refused() -> None:
    assert json_text({"psnr": 31.5, "mae": 0.25}) == '{\n  "mae": 0.25,\n  "psnr": 31.5\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"psnr": float("nan")})


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
