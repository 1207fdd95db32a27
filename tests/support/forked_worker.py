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


def main() -> None:
    """Hand on arguments, environment, folder and open files; where nobody takes them, start what Ray would have."""
    order = {"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    body = json.dumps(order).encode()
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.environ[ADDRESS])
            socket.send_fds(client, [len(body).to_bytes(4, "big")], (0, 1, 2))
            client.sendall(body)
            taken = client.recv(1)
    except OSError:
        taken = b""
    if not taken:
        os.execv(sys.executable, [sys.executable, os.environ[PROGRAM], *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
