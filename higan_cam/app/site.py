"""The page and its answers, as an ASGI application: `/`, its files, and below `/api/` facts, places and light.

Stateless: a request brings its file, the answer takes everything along, and nothing stays. So visitors cannot meet,
any replica answers any request, and there is nothing to delete afterwards.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from higan_cam.app.answers import REASONS, file_answer, files_of, refusal
from higan_cam.app.door import Door, Key
from higan_cam.app.facts import facts
from higan_cam.app.gate import Gate
from higan_cam.app.limits import Limits
from higan_cam.app.looking import Eye, asked_place, places_config
from higan_cam.app.wire import FrameError, encode_layer, pack, unpack
from higan_cam.mask.student import load_student
from higan_cam.pictures import Unreadable
from higan_cam.publish.images import encode_image
from higan_cam.relight.bodies import drawn_lamp, encode_lamp, read_lamp
from higan_cam.relight.composers import Composer
from higan_cam.relight.composers.cutout import Cutout
from higan_cam.relight.planck import planck_rgb
from higan_cam.types import ByteArray

FILES = files_of(Path(__file__).with_name("page"))
PUBLIC = frozenset({"", "/", "/lamp.png", *(f"/{name}" for name in FILES)})
"""What needs no token: the page itself holds nothing of anybody's."""
BYTES = "application/octet-stream"
"""Of every upload: a type that no page of another origin can send without asking first."""
_HEARD_OUT = 4
"""What is up to so many times too large is read to its end and dropped: who is cut off while sending hears nothing."""


@dataclass(frozen=True)
class Settings:
    """What a site is made from; pickles.

    Attributes:
        student: `rooms`, or a file of jobs/train_student.py.
        key: who may come in.
        limits: of uploads and of work.
        composer: what puts lamps and light into pictures.
    """

    student: str = "rooms"
    key: Key = field(default_factory=Key)
    limits: Limits = field(default_factory=Limits)
    composer: Composer = field(default_factory=Cutout)


def site(settings: Settings) -> ASGIApp:
    """The application. WeightsError: the student is none."""
    return Door(_Answers(settings).application(), settings.key, PUBLIC)


class _Answers:
    """The handlers, with what they share: a student, a composer, a gate."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._limits = settings, settings.limits
        student = load_student(settings.student)
        self._eye = Eye(student, places_config(), settings.limits)
        self._facts = facts(student, settings.student, settings.limits)
        self._gate = Gate(settings.limits.working, settings.limits.waiting)

    def application(self) -> Starlette:
        """Routes, and errors as reasons."""
        return Starlette(
            routes=[
                Route("/", file_answer(FILES["index.html"])),
                *(Route(f"/{name}", file_answer(path)) for name, path in FILES.items() if name != "index.html"),
                Route("/lamp.png", _lamp_picture),
                Route("/api/facts", self.facts),
                Route("/api/places", self.places, methods=["POST"]),
                Route("/api/light", self.light, methods=["POST"]),
            ],
            exception_handlers=REASONS,
        )

    async def facts(self, _request: Request) -> Response:
        """The tables of the page's arithmetic."""
        return JSONResponse(self._facts)

    async def places(self, request: Request) -> Response:
        """A picture's file -> its places, and the picture as it is seen, as PNG."""
        async with self._gate.place():
            return await self._gate.work(self._places, await _body(request, self._limits.upload_bytes, self._limits))

    async def light(self, request: Request) -> Response:
        """A frame of picture, lamp and place -> the picture with the lamp, off, and the light's levels."""
        async with self._gate.place():
            return await self._gate.work(self._light, await _body(request, self._limits.request_bytes, self._limits))

    def _places(self, content: bytes) -> Response:
        seen = self._eye.look(content)
        if isinstance(seen, Unreadable):
            return refusal(422, f"This picture cannot be used: {seen.reason}.")
        said = {
            "digest": seen.digest,
            "height": seen.picture.shape[0],
            "width": seen.picture.shape[1],
            "notes": seen.notes,
            "places": [asdict(place) for place in seen.places],
            "reason": seen.reason,
        }
        return Response(pack(said, picture=encode_image(seen.picture)), media_type=BYTES)

    def _light(self, body: bytes) -> Response:
        try:
            said, files = unpack(body)
        except FrameError as error:
            return refusal(400, f"{error}.")
        lamp = self._lamp(said.get("lamp"), files)
        if isinstance(lamp, str):
            return refusal(422, f"This lamp cannot be used: it {lamp}.")
        seen = self._eye.look(files.get("picture", b""))
        if isinstance(seen, Unreadable):
            return refusal(422, f"This picture cannot be used: {seen.reason}.")
        place = asked_place(said, seen)
        if isinstance(place, str):
            return refusal(422, f"{place}.")
        made = self._eye.light(seen, place, lamp, self._settings.composer)
        if made.reason:
            return refusal(422, f"No light there: {made.reason}.")
        levels, step = encode_layer(made.light.layer)
        told: dict[str, Any] = {
            "digest": seen.digest,
            "step": step,
            "kelvin": made.light.kelvin,
            "own": planck_rgb(made.light.kelvin).tolist(),
            "response": made.light.response.name,
            "place": asdict(place),
            "settings": dict(made.settings),
        }
        shown = {} if lamp is None else {"picture": encode_image(made.picture)}
        return Response(pack(told, **shown, levels=levels), media_type=BYTES)

    def _lamp(self, kind: object, files: dict[str, bytes]) -> ByteArray | str | None:
        """The lamp that a request means; None for light alone, text for what is wrong."""
        if kind == "own":
            return read_lamp(files.get("lamp", b""), self._limits.lamp_pixels)
        known = {"none": None, "drawn": drawn_lamp()}
        return known[kind] if isinstance(kind, str) and kind in known else "is none of none, drawn and own"


async def _body(request: Request, most: int, limits: Limits) -> bytes:
    """The whole body of an upload, never more of it in memory than is taken. HTTPException: why it is refused."""
    if request.headers.get("content-type", "").partition(";")[0] != BYTES:
        raise HTTPException(415, f"Uploads are sent as {BYTES}.")
    body, seen = bytearray(), 0
    too_large = HTTPException(413, f"Too large: a file may have {limits.upload_bytes:,} bytes; make it smaller.")
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and float(stated) > _HEARD_OUT * most:
        raise too_large
    try:
        async with asyncio.timeout(limits.upload_s):
            async for chunk in request.stream():
                seen += len(chunk)
                if seen <= most:
                    body += chunk
                elif seen > _HEARD_OUT * most:
                    break
    except TimeoutError:
        raise HTTPException(408, f"The upload took more than {limits.upload_s:g} s.") from None
    if seen > most:
        raise too_large
    return bytes(body)


async def _lamp_picture(_request: Request) -> Response:
    return Response(encode_lamp(drawn_lamp()), media_type="image/png")
