"""A program of its own: Ray for one machine, up until the process that wants it closes our standard input, or is gone.

One line on standard output, in JSON: {"address": where it is}, or {"error": why it is not up}.
"""

from __future__ import annotations

import json
import logging
import sys


def main() -> None:
    """Start Ray, say where, and wait."""
    import ray

    try:
        context = ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other process tells the user
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)  # noqa: T201
        return
    print(json.dumps({"address": context.address_info["gcs_address"]}), flush=True)  # noqa: T201
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main()
