"""A program of its own: Ray for one machine, up until the process that wants it closes our standard input, or is gone.

One line to the process that started it, in JSON: {"address": where it is}, or {"error": why it is not up}.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress


def main() -> None:
    """Start Ray, say where, and wait."""
    # The answer goes out on a descriptor that nothing of Ray's inherits or prints to; its output joins its errors.
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        import ray

        context = ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        answer = {"address": context.address_info["gcs_address"]}
    except Exception as error:  # noqa: BLE001 - whatever it is, the other process tells the user
        answer = {"error": f"{type(error).__name__}: {error}"}
    with suppress(BrokenPipeError):  # the other process is gone; so is our input
        os.write(answers, json.dumps(answer).encode() + b"\n")
    if "address" in answer:
        sys.stdin.read()
        ray.shutdown()


if __name__ == "__main__":
    main()
