"""Joining a Ray cluster, or starting a local one, and leaving it as it was found."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from higan_cam.config import RuntimeConfig
from higan_cam.errors import ConfigError, WorkersError
from higan_cam.runtime.signals import stoppable

log = logging.getLogger(__name__)

WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}
"""For every worker process: one BLAS thread, and a glibc that keeps freed activation buffers (halves a CPU forward)."""
_TOO_SLOW = "timed out during startup"


@contextmanager
def cluster(runtime: RuntimeConfig, *, log_to_driver: bool = False) -> Iterator[None]:
    """Ray, initialised for the time of the block; shut down afterwards only if this call initialised it.

    SIGTERM raises `signals.Terminated` in the block, whatever handler Ray has put there.

    Args:
        runtime: where the cluster is.
        log_to_driver: repeat what workers print on the driver's terminal.

    Raises:
        ConfigError: if no cluster answers at that address.
        WorkersError: if a local one does not come up.
    """
    if ray.is_initialized():
        with stoppable():
            yield
        return
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its notes on Ray Data's own actors help no user
    environment = {name: os.environ.get(name, value) for name, value in WORKER_ENVIRONMENT.items()}
    # Left to itself, Ray joins whatever `ray start` last wrote down on this machine, and waits minutes if it is gone.
    address = runtime.address or os.environ.get("RAY_ADDRESS") or "local"
    local = address == "local"
    try:
        # Inherited by what Ray starts; a runtime_env would make new workers of those that wait already.
        with _environment(environment if local else {}):
            ray.init(
                address=address,
                runtime_env=None if local else {"env_vars": environment},
                include_dashboard=False if local else None,
                log_to_driver=log_to_driver,
                logging_level=logging.ERROR,
            )
    except ConnectionError as error:
        raise ConfigError(f"runtime.address: no Ray cluster answers at {address!r}: {error}") from error
    except Exception as error:
        if _TOO_SLOW not in str(error):  # Ray has no type of its own for it
            raise
        raise WorkersError(
            "Ray did not come up on this machine within its 30 s: too much else is running here; "
            "run the same command again when it is quieter, or join a cluster with runtime.address"
        ) from error
    try:
        # Workers end with the driver's Ray; a unit in flight is abandoned before or after its atomic commit.
        with stoppable():
            yield
    finally:
        ray.shutdown()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """These variables in the environment of processes that the block starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def resources() -> tuple[float, float]:
    """CPUs and GPUs of the cluster as it is now."""
    total = ray.cluster_resources()
    return float(total.get("CPU", 1.0)), float(total.get("GPU", 0.0))
