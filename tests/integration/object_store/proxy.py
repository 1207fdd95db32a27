"""A proxy before an object store (S3, or Google's API) that spoils the requests it is told to, and counts all of them.

    with FaultProxy(server.endpoint_url) as proxy:
        proxy.spoil("reset_mid_body", at=3)  # the fourth request from now; `times`: and the following

Faults (`FAULTS`): answers of an overloaded or refusing server, connections reset before the request was read, in its
middle, or after the server has acted, silence before or after the server has acted, and half an answer.
"""

from __future__ import annotations

import asyncio
import io
import pickle
import socket
import struct
import threading
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.waiting import PATIENCE_S

ECHOED_TOKEN = "token-that-the-server-repeats"  # noqa: S105
ALWAYS = 10**9
_ANSWERS = {
    "error_500": (500, "InternalError", "We encountered an internal error. Please try again."),
    "error_503": (503, "ServiceUnavailable", "Service is unable to handle request."),
    "slow_down": (503, "SlowDown", "Please reduce your request rate."),
    "conflict": (409, "ConditionalRequestConflict", "A conflicting operation is in progress."),
    "expired_token": (400, "ExpiredToken", "The provided token has expired."),
    "access_denied": (403, "AccessDenied", "Access Denied"),
    "bad_gateway": (502, "", ""),
}
PERMANENT = ("expired_token", "access_denied")
_GOOGLE = ("/storage/v1/", "/upload/storage/v1/")
_XML = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message><Token-0>{token}</Token-0></Error>"
_DROPPED_HEADERS = ("transfer-encoding", "connection", "expect")
_Handler = Callable[["FaultProxy", web.Request], Awaitable[web.StreamResponse]]


async def _reset_before(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
    return _reset(request)


async def _reset_mid_body(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
    await request.content.read(1000)
    return _reset(request)


async def _reset_after(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
    await proxy.forwarded(request)
    return _reset(request)


async def _stall_before(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
    await proxy.stopping.wait()
    return _reset(request)


async def _stall_after(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
    await proxy.forwarded(request)
    await proxy.stopping.wait()
    return _reset(request)


async def _truncated(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
    """Promises the whole answer and hangs up in the middle of its body; without a body, of its first line."""
    answer = await proxy.forwarded(request)
    body = answer.body if isinstance(answer.body, bytes) else b""
    head = f"HTTP/1.1 {answer.status} OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    if request.transport is not None:
        request.transport.write(head + body[: len(body) // 2] if body else head[:10])
        request.transport.close()
    return answer


def _answering(status: int, code: str, message: str) -> _Handler:
    async def answer(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
        await request.read()
        if code and request.path.startswith(_GOOGLE):
            errors = [{"reason": code, "debugInfo": ECHOED_TOKEN}]
            return web.json_response({"error": {"message": message, "errors": errors}}, status=status)
        text = _XML.format(code=code, message=message, token=ECHOED_TOKEN) if code else "<html>Bad Gateway</html>"
        return web.Response(status=status, text=text, content_type="application/xml" if code else "text/html")

    return answer


FAULTS: dict[str, _Handler] = {
    **{name: _answering(*values) for name, values in _ANSWERS.items()},
    "reset_before": _reset_before,
    "reset_mid_body": _reset_mid_body,
    "reset_after": _reset_after,
    "stall_before": _stall_before,
    "stall_after": _stall_after,
    "truncated": _truncated,
}
TRANSIENT = tuple(name for name in FAULTS if name not in PERMANENT)


@dataclass
class FaultProxy:
    """Runs in a thread of its own while the block lasts.

    Attributes:
        target: URL of the server.
        requests: "METHOD /path?query" of all requests so far, spoiled ones included.
        choose: says which fault, if any, befalls a request, from its number; `spoil` sets it.
    """

    target: str
    requests: list[str] = field(default_factory=list)
    choose: Callable[[int], str | None] = lambda _: None
    port: int = 0

    @property
    def endpoint_url(self) -> str:
        """Where clients should go."""
        return f"http://127.0.0.1:{self.port}"

    def spoil(self, fault: str, at: int = 0, times: int = 1) -> None:
        """Let `fault` befall `times` requests after the next `at` ones, and count from zero again."""
        self.requests.clear()
        self.choose = lambda number: fault if at <= number < at + times else None

    def heal(self) -> None:
        """No faults from now on; count from zero again."""
        self.requests.clear()
        self.choose = lambda _: None

    def __enter__(self) -> FaultProxy:
        self._loop, ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="fault-proxy", daemon=True)
        self._thread.start()
        if not ready.wait(PATIENCE_S):
            raise TimeoutError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    async def forwarded(self, request: web.Request) -> web.Response:
        """What the server answers, after it has acted."""
        url = URL(f"{self.target}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _DROPPED_HEADERS}
        body = await request.read()
        data = io.BytesIO(body)
        async with self._session.request(request.method, url, data=data, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _DROPPED_HEADERS}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        number = len(self.requests)
        self.requests.append(f"{request.method} {request.raw_path}")
        fault = self.choose(number)
        return await (FAULTS[fault](self, request) if fault else self.forwarded(request))

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    async def _start(self) -> None:
        self.stopping = asyncio.Event()
        self._session = aiohttp.ClientSession(auto_decompress=False)
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        self.stopping.set()
        await self._runner.cleanup()
        await self._session.close()


def _reset(request: web.Request) -> web.Response:
    """Send RST instead of FIN, now."""
    transport: Any = request.transport
    if transport is not None:
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return web.Response()


def everything_said(error: BaseException, logged: str) -> str:
    """An error and all that is behind it, as text, attributes, pickle and traceback, and the log."""
    chain: list[str] = []
    behind: BaseException | None = error
    while behind is not None:
        chain += [str(behind), repr(behind), repr(vars(behind)), repr(pickle.dumps(behind))]
        behind = behind.__cause__ or behind.__context__
    return "\n".join([*chain, *traceback.format_exception(error), logged])
