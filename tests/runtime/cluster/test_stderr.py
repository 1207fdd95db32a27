"""Descriptor 2 while Ray is joined: one line of Ray's is missing, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys

NOTE = "[2026-11-30 16:24:36,719 I 5248 5248] logging.cc:303: Set ray log level from environment variable X to 3"
PROGRAM = f"""
import os, sys
from higan_cam.runtime.cluster.stderr import without_note
os.write(2, b"before\\n")
with without_note():
    os.write(2, b"first\\n{NOTE}\\nlast, without an end of line")
    {{inside}}
os.write(2, b"\\nafter\\n")
"""
WITHOUT = ["before", "first", "last, without an end of line"]


def stderr_of(inside: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-c", PROGRAM.format(inside=inside)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    return finished.returncode, finished.stderr.splitlines()


def test_only_the_line_about_the_log_level_is_left_out_and_the_order_stays() -> None:
    assert stderr_of("pass") == (0, [*WITHOUT, "after"])


def test_the_last_words_of_an_aborted_process_arrive() -> None:
    """Ray ends the process from C++ where it finds something that it cannot bear."""
    assert stderr_of("os.abort()") == (-signal.SIGABRT, WITHOUT)


def test_an_error_in_the_block_is_written_where_errors_go() -> None:
    status, lines = stderr_of("raise OSError('no Ray')")
    assert (status, lines[:2], lines[-1]) == (1, WITHOUT[:2], "OSError: no Ray")


def test_a_closed_descriptor_is_no_error() -> None:
    inside = "with without_note(): print('joined')"
    closed = f"import os\nos.close(2)\nfrom higan_cam.runtime.cluster.stderr import without_note\n{inside}"
    finished = subprocess.run([sys.executable, "-c", closed], stdout=subprocess.PIPE, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (0, "joined\n")
