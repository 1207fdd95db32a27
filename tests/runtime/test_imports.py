"""Imports without the garbage collector leave it as it was; what a worker imports is what its first unit needs."""

from __future__ import annotations

import gc
import subprocess
import sys

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


def test_what_every_worker_imports_brings_in_no_compiler_and_nothing_that_few_of_them_need() -> None:
    """Over a second of each process' first three."""
    needless = ("torchvision", "torch._dynamo", "torch._inductor", "sympy", "sklearn", "scipy", "pandas", "matplotlib")
    program = f"import sys; import higan_cam.runtime.workers.mask; print([x for x in {needless} if x in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
