"""Log lines as `key=value` fields first, so that one `grep` follows a run, a stage, a shard or an attempt."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the ledger's process does without
    from higan_cam.config import RunConfig


class RunLog(logging.LoggerAdapter[logging.Logger]):
    """A logger that begins every line with what it knows: `run=1f2e… stage=data shard=3 attempt=2 …`."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[str, MutableMapping[str, Any]]:
        """The line with its fields in front."""
        # A field's text is no format string.
        fields = " ".join(f"{name}={value}" for name, value in (self.extra or {}).items()).replace("%", "%%")
        return f"{fields} {msg}", kwargs

    def of(self, **fields: object) -> RunLog:
        """The same logger with further fields."""
        return RunLog(self.logger, {**(self.extra or {}), **fields})


def run_log(name: str, config: RunConfig, stage: str) -> RunLog:
    """The log of one stage of one run; `name` is the module's.

    Runs are named by the first 12 characters of their configuration's hash, as everywhere.
    """
    from higan_cam.config import config_hash

    return RunLog(logging.getLogger(name), {"run": config_hash(config)[:12], "stage": stage})


def log_to_stderr() -> None:
    """In a worker process: lines of INFO and above go to its own log file (Ray keeps stderr), as on the driver."""
    logger = logging.getLogger("higan_cam")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
