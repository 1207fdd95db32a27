"""What Ray starts in place of its own worker program (forking.py): it has the worker forked, or becomes that program.

Little is imported here, since every worker of a session waits for it.
"""

from __future__ import annotations

import json
import os
import socket
import sys

ADDRESS = "HIGAN_CAM_TESTS_FORKING"
"""Environment variable: the socket of the process that forks."""
PROGRAM = "HIGAN_CAM_TESTS_WORKER"
"""Environment variable: Ray's own worker program."""


PATIENCE_S = 45.0
"""Wait for the first imports of the process that forks, on a slow machine; Ray kills what has not become a worker in a
minute."""


def main() -> None:
    """Hand on what a worker is; where nobody takes it, start what Ray would have."""
    if not taken(os.environ[ADDRESS], PATIENCE_S):
        os.execv(sys.executable, [sys.executable, os.environ[PROGRAM], *sys.argv[1:]])  # noqa: S606


def taken(address: str, patience_s: float) -> bool:
    """Whether a worker is forked with the arguments, environment, folder and open files of this process."""
    order = {"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    body = json.dumps(order).encode()
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(patience_s)
            client.connect(address)
            socket.send_fds(client, [len(body).to_bytes(4, "big")], (0, 1, 2))
            client.sendall(body)
            try:
                return client.recv(1) != b""
            except TimeoutError:
                client.shutdown(socket.SHUT_RDWR)  # an answer after this fails there: never two workers for one
                return client.recv(1) != b""
    except OSError:
        return False


if __name__ == "__main__":
    main()
