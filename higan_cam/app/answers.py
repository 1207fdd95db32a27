"""What the pages' servers have in common: files as they lie, and errors as reasons that people can read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from higan_cam.app.gate import BusyError

log = logging.getLogger(__name__)
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_WRONG = "something went wrong here; the server's log says what"


def files_of(folder: Path) -> dict[str, Path]:
    """{name: path} of what a browser is given from a folder."""
    return {path.name: path for path in sorted(folder.iterdir()) if path.suffix in TYPES}


def file_answer(path: Path) -> Callable[[Request], Awaitable[Response]]:
    """A handler that answers with a file, read once."""
    content, kind = path.read_bytes(), TYPES[path.suffix]

    async def answer(_request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


def refusal(status: int, reason: str) -> Response:
    """A reason in plain words."""
    return JSONResponse({"reason": reason}, status)


async def _said(_request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, _WRONG)
    return refusal(status, detail)


async def _busy(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"reason": "Others are being served; try again in a moment."}, 503, {"retry-after": "1"})


async def _gone(_request: Request, _error: Exception) -> Response:
    return refusal(400, "The upload broke off.")


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s: %s", request.url.path, type(error).__name__, exc_info=error)
    return refusal(500, _WRONG)


REASONS: dict[type[Exception], ExceptionHandler] = {
    HTTPException: _said,
    BusyError: _busy,
    ClientDisconnect: _gone,
    Exception: _unexpected,
}
"""Handlers of errors, for an application."""
