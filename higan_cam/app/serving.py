"""The page on Ray Serve: replicas of one site, behind Serve's own proxy; on this machine, or on a cluster.

A replica is stateless (`site`), so any of them answers any request and more of them answer more at once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.schema import LoggingConfig
from starlette.types import ASGIApp

from higan_cam.app.door import TOKEN, key_of, token_for
from higan_cam.app.site import Settings, site
from higan_cam.errors import ConfigError
from higan_cam.runtime.cluster.join import resources

REQUEST_S = 180.0
"""After so long the proxy gives up on an answer."""
NAME = "page"
_ONGOING, _QUEUED = 24, 64
"""Requests that a replica holds, waiting for bodies included, and that wait in a proxy: beyond it, 503."""


class Arguments(BaseModel):
    """What `args` of a Serve configuration may say.

    Attributes:
        student: `rooms`, or a file of jobs/train_student.py that every node finds.
        replicas: least number of replicas. most: largest; more than that many are never wanted.
    """

    model_config = ConfigDict(extra="forbid")
    student: str = "rooms"
    replicas: int = Field(1, ge=1)
    most: int = Field(1, ge=1)


def application(settings: Settings, replicas: int = 1, most: int = 1) -> serve.Application:
    """The site as a Serve application of `replicas` to `most` replicas of one CPU each."""

    def build() -> ASGIApp:
        return site(settings)

    deployment = serve.deployment(
        name=NAME,
        max_ongoing_requests=_ONGOING,
        max_queued_requests=_QUEUED,
        ray_actor_options={"num_cpus": 1},
        autoscaling_config={
            "min_replicas": replicas,
            "max_replicas": max(replicas, most),
            "target_ongoing_requests": 2,
        },
    )(serve.ingress(build)())
    return deployment.bind()


def build_application(arguments: Arguments) -> serve.Application:
    """For a cluster's Serve configuration (`import_path: higan_cam.app.serving:build_application`).

    Raises:
        ConfigError: there is no token in the environment: on a cluster the page is not on loopback.
    """
    token = os.environ.get(TOKEN)
    if token is None:
        raise ConfigError(f"{TOKEN} is not set: on a cluster the page asks for a token; put one into the environment")
    settings = Settings(arguments.student, key_of(token_for("0.0.0.0", os.environ)))  # noqa: S104 - binds nothing
    return application(settings, arguments.replicas, arguments.most)


@contextmanager
def served(settings: Settings, host: str, port: int, replicas: int) -> Iterator[None]:
    """The page at this address, which is free (`door.check_free`), for the time of the block; Ray is initialised.

    Raises:
        ConfigError: a CPU for each replica is more than there are: Serve would wait for them without end.
    """
    cpus = int(resources()[0])
    if replicas > cpus:
        raise ConfigError(f"--replicas {replicas}: a CPU each, and there are {cpus} here; give {cpus} or less")
    quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
    options = {"host": host, "port": port, "request_timeout_s": REQUEST_S}
    serve.start(proxy_location="HeadOnly", http_options=options, logging_config=quiet)
    try:
        serve.run(application(settings, replicas, replicas), name=NAME, route_prefix="/", logging_config=quiet)
        yield
    finally:
        serve.shutdown()


def until_stopped() -> None:
    """Wait for Ctrl-C or SIGTERM, which come as exceptions."""
    stopped = threading.Event()
    while not stopped.wait(3600):
        pass
