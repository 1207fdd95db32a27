"""How the end of a process is told; the program itself is tested through those who start it (test_head.py)."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from higan_cam.runtime.cluster.head_process import ending


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit(7)", "ended with status 7"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "was ended by SIGKILL, which the kernel does",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "was ended by SIGTERM"),
        (f"import os; os.kill(os.getpid(), {signal.SIGRTMIN + 1})", f"was ended by signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_the_end_of_a_process_is_told_in_words(code: str, words: str) -> None:
    assert ending(subprocess.run([sys.executable, "-c", code], check=False).returncode).startswith(words)
