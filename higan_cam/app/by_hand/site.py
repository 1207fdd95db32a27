"""The page on which labels are made, as an ASGI application: `/`, its files, and below `/api/` pictures and answers."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from higan_cam.app.answers import REASONS, file_answer, files_of, refusal
from higan_cam.app.by_hand.asking import Asked, Round
from higan_cam.app.by_hand.drawing import Drawer
from higan_cam.app.by_hand.words import Words, agreement_text
from higan_cam.app.door import Door, Key
from higan_cam.app.gate import Gate
from higan_cam.errors import HiganCamError

_HERE = Path(__file__).parent
_SHARED = ("base.css", "server.js")
FILES = {**files_of(_HERE / "page"), **{name: _HERE.parent / "page" / name for name in _SHARED}}
PUBLIC = frozenset({"", "/", *(f"/{name}" for name in FILES)})
AHEAD = 8
"""Questions that a tab has, so that their pictures are there before they are shown."""
_WAITING = 64
_LONGEST = 4096
"""Bytes of an answer."""


def site(asking: Round, drawer: Drawer, words: Words, key: Key) -> ASGIApp:
    """The application. It is for one process: who was asked what is in its memory."""
    return Door(_Page(asking, drawer, words).application(), key, PUBLIC)


class _Page:
    """The handlers. Those that ask and answer do not wait for anything, so that one follows the other."""

    def __init__(self, asking: Round, drawer: Drawer, words: Words) -> None:
        self._asking, self._drawer, self._words = asking, drawer, words
        self._gate = Gate(working=1, waiting=_WAITING)

    def application(self) -> Starlette:
        """Routes, and errors as reasons."""
        return Starlette(
            routes=[
                Route("/", file_answer(FILES["index.html"])),
                *(Route(f"/{name}", file_answer(path)) for name, path in FILES.items() if name != "index.html"),
                Route("/api/facts", self.facts),
                Route("/api/pictures/{index:int}", self.picture),
                Route("/api/next", self.next, methods=["POST"]),
                Route("/api/answer", self.answer, methods=["POST"]),
                Route("/api/undo", self.undo, methods=["POST"]),
            ],
            exception_handlers={**REASONS, HiganCamError: _reason},
        )

    async def facts(self, _request: Request) -> Response:
        """What the page is to say."""
        return JSONResponse(asdict(self._words))

    async def picture(self, request: Request) -> Response:
        """A latent as PNG."""
        index = request.path_params["index"]
        if index >= self._drawer.latents:
            raise HTTPException(404, f"Latent {index} is none of the run's {self._drawer.latents:,}.")
        async with self._gate.place():
            return Response(await self._gate.work(self._drawer.png, index), media_type="image/png")

    async def next(self, request: Request) -> Response:
        """A tab -> its next questions."""
        return self._state(_tab(await _said(request)))

    async def answer(self, request: Request) -> Response:
        """A tab and its answer to a question -> what is asked next."""
        said = await _said(request)
        tab, asked, label = _tab(said), self._asked(said), said.get("label")
        if label is not None and (type(label) is not int or label not in (0, 1)):  # 1.0 would end the table as such
            raise HTTPException(422, "A label is 0, 1, or null for a skip.")
        return self._state(tab, said=self._asking.answer(tab, asked, label))

    async def undo(self, request: Request) -> Response:
        """A tab -> the question before, asked anew."""
        tab = _tab(await _said(request))
        undone = self._asking.undo(tab)
        return self._state(tab, said="" if undone else "There is nothing to undo.")

    def _asked(self, said: dict[str, Any]) -> Asked:
        index, again = said.get("index"), said.get("again")
        if not (isinstance(index, int) and not isinstance(index, bool) and 0 <= index < self._drawer.latents):
            raise HTTPException(422, f"A latent is a number below {self._drawer.latents:,}.")
        if not isinstance(again, bool):
            raise HTTPException(422, "Whether a question is asked again is true or false.")
        return Asked(index, again)

    def _state(self, tab: str, said: str = "") -> Response:
        """What is next for a tab, and how far everybody is."""
        ahead, answers = self._asking.ahead(tab, AHEAD), self._asking.answers()
        yes = sum(answers.labels.values())
        progress = {"yes": yes, "no": len(answers.labels) - yes, "skipped": len(answers.skipped)}
        end = "" if ahead else agreement_text(answers)
        return JSONResponse({"ahead": [asdict(each) for each in ahead], **progress, "said": said, "agreed": end})


async def _said(request: Request) -> dict[str, Any]:
    """The JSON object of a request. HTTPException: it is none, or too long."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "Answers are sent as application/json.")  # which no other page can do unasked
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST:
            raise HTTPException(413, f"An answer has {_LONGEST:,} bytes at most.")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise HTTPException(400, "The request is not one of this page.")
    return said


def _tab(said: dict[str, Any]) -> str:
    tab = said.get("tab")
    if not isinstance(tab, str) or not 1 <= len(tab) <= 64:
        raise HTTPException(422, "A tab says which one it is.")
    return tab


async def _reason(_request: Request, error: Exception) -> Response:
    """An error that is made for people, such as a disk that is full."""
    return refusal(500, str(error))
