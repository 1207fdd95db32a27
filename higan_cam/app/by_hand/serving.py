"""The page of labels in this process, until somebody stops it. Without Ray: one person answers a question a second."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from higan_cam.runtime.cluster.signals import Terminated, exit_status, stoppable

_CLOSING_S = 5
"""After so long a request that is not answered no longer keeps the server."""


class Server(uvicorn.Server):
    """A server that says when it listens.

    Args:
        application: what it serves.
        host, port: where; free (`door.check_free`).
        listening: called once somebody can come in.
    """

    def __init__(self, application: ASGIApp, host: str, port: int, listening: Callable[[], None]) -> None:
        config = uvicorn.Config(
            application,
            host,
            port,
            lifespan="off",
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_CLOSING_S,
        )
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._listening()


def serve(server: Server) -> int:
    """Serve until Ctrl-C, which is how it ends, or SIGTERM; the exit status."""
    try:
        with stoppable():
            server.run()
    except KeyboardInterrupt as error:
        return exit_status(error) if isinstance(error, Terminated) else 0
    return 0
