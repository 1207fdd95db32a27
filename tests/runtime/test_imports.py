"""Imports without the garbage collector leave it as it was."""

from __future__ import annotations

import gc

import pytest

from higan_cam.runtime.imports import quick_imports


def test_garbage_is_not_collected_in_the_block_and_is_again_after_it() -> None:
    with quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), quick_imports():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
