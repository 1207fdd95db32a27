"""Which of a user's pictures cannot be read, found before training starts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from higan_cam.pictures import Unreadable, picture_problem
from higan_cam.pictures.sources.reader import file_content

_THREADS = 4


def unreadable(paths: Sequence[Path]) -> dict[Path, str]:
    """{file: reason} of those that training could not use whole, in order."""
    with ThreadPoolExecutor(_THREADS) as pool:
        reasons = pool.map(problem_of, paths)
        return {path: reason for path, reason in zip(paths, reasons, strict=True) if reason is not None}


def problem_of(path: Path) -> str | None:
    """Why a file is no picture that can be used, in a few words; None where it is one."""
    content = file_content(path)
    return content.reason if isinstance(content, Unreadable) else picture_problem(content)
