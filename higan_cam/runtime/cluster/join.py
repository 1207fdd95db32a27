"""Joining a Ray cluster, or starting a local one, and leaving it as it was found."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import ray

from higan_cam.config import RuntimeConfig
from higan_cam.errors import ConfigError, HiganCamError, WorkersError
from higan_cam.runtime.cluster.head import (
    LOCAL,
    QUIET,
    TOO_SLOW,
    UNCOUNTED,
    WORKER_ENVIRONMENT,
    Head,
    did_not_come_up,
    environment,
    ray_address,
    unless_set,
)
from higan_cam.runtime.cluster.head_process import died_here, without_idlers
from higan_cam.runtime.cluster.reach import check_reachable
from higan_cam.runtime.cluster.signals import stoppable
from higan_cam.runtime.cluster.stderr import without_note
from higan_cam.runtime.cluster.watchdog import Watchdog


@contextmanager
def cluster(runtime: RuntimeConfig, head: Head | None = None, *, trains: bool = False) -> Iterator[None]:
    """Ray, initialised for the time of the block; shut down afterwards only if this call initialised it.

    SIGTERM raises `signals.Terminated` in the block, whatever handler Ray has put there.

    Args:
        runtime: where the cluster is.
        head: a local one that is coming up already (`head.local_head`); it ends with the block.
        trains: for Ray Train: repeat on the driver's terminal what workers print, but for Ray's line about its log
            level, which each of them has; and tell them which Ray is theirs, since Ray Train's actors look for one.

    Raises:
        ConfigError: if no cluster answers at that address.
        WorkersError: if a local one does not come up or dies, or Ray fails in the block where no unit is to blame.
    """
    if ray.is_initialized():
        with stoppable(), _explained():
            yield
        return
    if head is None:
        check_reachable(runtime)
    address = ray_address(runtime) if head is None else head.address
    ours = head is not None or address == LOCAL
    quiet = without_note() if trains else nullcontext()
    with quiet, environment(unless_set({**QUIET, **UNCOUNTED} if ours else QUIET)), _explained():
        try:
            _init(address, ours, trains)
            # Workers end with the driver's Ray; a unit in flight is abandoned before or after its atomic commit.
            watchdog = Watchdog(died_here if head is None else head.died) if ours else nullcontext()
            with watchdog, stoppable():
                yield
        except BaseException as error:
            _let_go(error)
            raise
        finally:
            ray.shutdown()
            if head is not None:  # before a lease around the block is let go
                head.stop()


def _let_go(error: BaseException) -> None:
    """Drop what the frames of an error hold while Ray is still there.

    An iterator of Ray Data's among it asks Ray for its resources when it goes: later, that starts another Ray on this
    machine and prints a traceback.
    """
    inner: BaseException | None = error
    while inner is not None:
        traceback.clear_frames(inner.__traceback__)
        inner = inner.__cause__ or inner.__context__


@contextmanager
def _explained() -> Iterator[None]:
    """Ray's errors as ours: the user's own mistake, where there is one inside, else that Ray failed."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise inner_error(error) or WorkersError(
            f"Ray failed ({first_line(error)}). What is written stays; the same command goes on from there."
        ) from error


def inner_error(error: BaseException) -> HiganCamError | None:
    """The error made for users that Ray carries inside one of its own; None without one."""
    inner: BaseException | None = error
    while inner is not None:
        for candidate in (getattr(inner, "cause", None), inner):
            if isinstance(candidate, HiganCamError):
                return candidate
        inner = inner.__cause__
    return None


def first_line(error: BaseException) -> str:
    """What an error says, in one line: the last one of a traceback, the first one of anything else."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1] if any(line.startswith("Traceback") or "ray::" in line for line in lines) else lines[0]


def _init(address: str, ours: bool, trains: bool) -> None:
    """Join the cluster at the address, or start one. In `ours`, workers inherit the environment of what starts it."""
    variables = unless_set(WORKER_ENVIRONMENT)
    # What workers print comes through one of the monitors.
    bare = without_idlers() if address == LOCAL and not trains else nullcontext()
    # On one of ours variables would make new workers of those that wait already.
    inherited: dict[str, Any] = {} if ours else {"env_vars": variables}
    told: dict[str, Any] = {"worker_process_setup_hook": _prepare_trainer} if trains else {}
    try:
        with environment(variables if address == LOCAL else {}), without_note(), bare:
            ray.init(
                address=address,
                runtime_env={**inherited, **told} or None,
                include_dashboard=False if address == LOCAL else None,
                log_to_driver=trains,
                logging_level=logging.ERROR,
            )
    except ConnectionError as error:
        if ours:
            raise did_not_come_up(str(error)) from error
        raise ConfigError(f"runtime.address: no Ray cluster answers at {address!r}: {error}") from error
    except Exception as error:
        if TOO_SLOW not in str(error):  # Ray has no type of its own for it
            raise
        raise did_not_come_up(str(error)) from error


def _prepare_trainer() -> None:
    """In a worker: the Ray that it belongs to is the one to look for, whatever others run on this machine.

    Ray Train's cleaner asks the dashboard every second whether the controller lives, and says each time that there is
    none on a local Ray, where nothing is left to be cleaned.
    """
    os.environ["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
    logging.getLogger("ray.train.v2._internal.execution.controller.placement_group_cleaner").setLevel(logging.ERROR)


def resources() -> tuple[float, tuple[float, ...]]:
    """CPUs of the cluster as it is now, and the GPUs of each node that has some."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cpus = sum(float(node.get("CPU", 0.0)) for node in nodes)
    return cpus or 1.0, tuple(float(node["GPU"]) for node in nodes if node.get("GPU"))
