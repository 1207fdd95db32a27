"""Whether a cluster answers at the address, asked before anything is written: left to itself, Ray tries for minutes."""

from __future__ import annotations

import re
import socket
import time

import ray

from higan_cam.config import RuntimeConfig
from higan_cam.errors import ConfigError
from higan_cam.runtime.cluster.head import LOCAL, QUIET, environment, ray_address, unless_set

PATIENCE_S = 15.0
"""Seconds for which a port that refuses is tried: a cluster may be coming up. Ray itself takes 40 s to tell that what
listens there is no Ray, so the answer comes within a minute."""
_CLIENT = "ray://"
_HOST_PORT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+)):(?P<port>[0-9]{1,5})")


def check_reachable(runtime: RuntimeConfig) -> None:
    """Ask for the cluster that a run is to join; nothing where it starts a Ray of its own or is part of one already.

    Raises:
        ConfigError: an address of another form, or no cluster that answers; names where the address comes from.
    """
    address = ray_address(runtime)
    if address == LOCAL or ray.is_initialized():
        return
    field = "runtime.address" if runtime.address else "RAY_ADDRESS"
    # `auto` is Ray's to find, and the environment's address goes first there.
    place = _running_here(field) if address == "auto" else address
    host, port = _host_and_port(place.removeprefix(_CLIENT), field)
    _connect(host, port, f"{field}: no Ray cluster answers at {place!r}")
    if not place.startswith(_CLIENT):
        _ask(place, field)


def _host_and_port(address: str, field: str) -> tuple[str, int]:
    match = _HOST_PORT.fullmatch(address)
    if match is not None and 0 < int(match["port"]) < 2**16:
        return match["six"] or match["host"], int(match["port"])
    if address.startswith(("http://", "https://")):
        raise ConfigError(
            f"{field}: {address!r} is the address of a dashboard, which `ray job submit` takes; a run joins the "
            "cluster itself: give host:port of its head (6379 unless it was started otherwise), or auto on one of its "
            "nodes"
        )
    raise ConfigError(
        f"{field}: {address!r} is no address of a Ray cluster; expected host:port, such as head:6379, or auto"
    )


def _running_here(field: str) -> str:
    """host:port of the cluster that runs on this machine, as Ray finds it."""
    from ray._private.services import canonicalize_bootstrap_address

    try:
        return str(canonicalize_bootstrap_address("auto"))
    except ConnectionError as error:
        raise ConfigError(f"{field}: auto, but no Ray runs on this machine; start one with `ray start`") from error
    except ValueError as error:
        raise ConfigError(f"RAY_ADDRESS: {error}; expected host:port, such as head:6379, or auto") from error


def _connect(host: str, port: int, message: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection((host, port), timeout=PATIENCE_S).close()
        except ConnectionRefusedError as error:
            if time.monotonic() > deadline:
                raise ConfigError(f"{message}: nothing listens there; is the cluster up?") from error
            time.sleep(0.5)
        except (OSError, UnicodeError) as error:  # an unknown host, no route, silence
            raise ConfigError(f"{message}: {error}") from error
        else:
            return


def _ask(address: str, field: str) -> None:
    """Speak to the cluster as its own command line does."""
    with environment(unless_set(QUIET)):
        try:
            ray._raylet.GcsClient(address=address)
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise ConfigError(
                f"{field}: no Ray cluster answers at {address!r}: something listens there, but it is no Ray of this "
                f"version ({error})"
            ) from error
