"""Ray's line about its own log level, kept off the user's terminal.

Where `RAY_BACKEND_LOG_LEVEL` is set, Ray's C++ side writes so to descriptor 2, before that level holds and past
`sys.stderr`. Where it is not set, Ray writes a longer line instead: an error about actors of Ray Data's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

NOTE = b"Set ray log level from environment variable"
"""What the line says, after time, process and place."""
_LAST_WORDS_S = 5.0
"""Seconds in which what was written in the block must have arrived."""


@contextmanager
def without_note() -> Iterator[None]:
    """Descriptor 2 without Ray's line about its log level, for the time of the block; all else arrives, line by line.

    A process of its own passes it on, so that the last words of a process which the block aborts arrive too.
    """
    try:
        before = os.dup(2)
    except OSError:  # the user has closed it
        yield
        return
    try:
        sieve = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=before,
            start_new_session=True,  # Ctrl-C is for the driver
        )
        pipe = cast(IO[bytes], sieve.stdin)
        os.dup2(pipe.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            pipe.close()
            with suppress(subprocess.TimeoutExpired):  # what inherited the pipe goes on writing to it
                sieve.wait(timeout=_LAST_WORDS_S)
    finally:
        os.close(before)


def main() -> None:
    """Pass on standard input, but for the note."""
    for line in sys.stdin.buffer:
        if NOTE not in line:
            os.write(1, line)


if __name__ == "__main__":
    main()
