"""Who comes in: names, origins, tokens, and what every answer carries."""

from __future__ import annotations

import logging
import re

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from higan_cam.app.door import HEADERS, TOKEN, Door, Key, is_loopback, key_of, path_below, token_for
from higan_cam.errors import ConfigError

SECRET = "correct horse battery staple"  # noqa: S105 - of this test


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


INNER = Starlette(routes=[Route("/", hello), Route("/api/facts", hello)])


def visitor(key: Key, base: str = "http://localhost:8000") -> TestClient:
    return TestClient(Door(INNER, key, frozenset({"/"})), base_url=base)


@pytest.mark.parametrize("base", ["http://localhost", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_loopback_answers_to_its_own_names(base: str) -> None:
    assert visitor(Key(), base).get("/api/facts").text == "hello"


def test_another_loopback_address_answers_to_itself_too() -> None:
    key = key_of(None, "127.0.0.2")
    assert visitor(key, "http://127.0.0.2:8000").get("/api/facts").text == "hello"
    assert visitor(key, "http://localhost:8000").get("/api/facts").text == "hello"
    assert visitor(key, "http://127.0.0.3:8000").get("/api/facts").status_code == 403
    assert visitor(Key(), "http://127.0.0.2:8000").get("/api/facts").status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[", "a b"]
)
def test_a_name_that_somebody_points_at_loopback_is_refused(host: str) -> None:
    answer = visitor(Key()).get("/", headers={"host": host})
    assert answer.status_code == 403
    assert "hello" not in answer.text


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "https://localhost", "http://["]
)
def test_requests_of_other_pages_are_refused(origin: str) -> None:
    assert visitor(Key()).get("/api/facts", headers={"origin": origin}).status_code == 403
    own = visitor(Key()).get("/api/facts", headers={"origin": "http://localhost:8000"})
    assert own.status_code == 200


def test_the_token_is_asked_for_where_pictures_go_and_the_page_itself_is_open() -> None:
    guarded = visitor(key_of(SECRET), "http://rooms.example")
    assert guarded.get("/").status_code == 200
    wrong = ["", "Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET, f"Bearer {SECRET}x", "Bearer \udcff"]
    for told in wrong:  # as bytes, so that any are sent
        headers = {b"authorization": told.encode("utf-8", "surrogateescape")}
        assert guarded.get("/api/facts", headers=headers).status_code == 401, told
    assert guarded.get("/api/facts", headers={"authorization": f"Bearer {SECRET}"}).status_code == 200


@pytest.mark.parametrize("root", ["", "/", "/rooms", "/rooms/", "/api", "/none/of"])
@pytest.mark.parametrize("path", ["/", "/rooms", "/rooms/", "/roomsy", "/rooms//", "//api", "/api/facts", "/rooms/api"])
def test_paths_are_taken_as_the_router_takes_them(root: str, path: str) -> None:
    routing = pytest.importorskip("starlette._utils", reason="this Starlette keeps its router's paths elsewhere")
    scope = {"path": path, "root_path": root}
    assert path_below(scope) == routing.get_route_path(scope)


@pytest.mark.parametrize("root", ["/rooms", "/api", "/rooms/"])
def test_the_token_is_asked_for_wherever_the_site_is_mounted(root: str) -> None:
    door = Door(INNER, key_of(SECRET), frozenset({"/"}))
    guarded = TestClient(door, base_url="http://rooms.example", root_path=root)
    for path in ("/api/facts", f"{root}/api/facts", "/none", f"{root}/none", "//api/facts"):
        assert guarded.get(path).status_code == 401, path
    assert guarded.get(f"{root.rstrip('/')}/").status_code == (401 if root == "/rooms/" else 200)


def test_every_answer_carries_the_headers_refusals_too() -> None:
    for answer in (
        visitor(Key()).get("/"),
        visitor(Key()).get("/none"),
        visitor(Key()).get("/", headers={"host": "evil.example"}),
        visitor(key_of(SECRET)).get("/api/facts"),
    ):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_a_token_is_made_for_every_address_that_others_reach() -> None:
    assert token_for("127.0.0.1", {}) is None
    first, second = token_for("0.0.0.0", {}), token_for("0.0.0.0", {})  # noqa: S104 - nothing listens
    assert first is not None
    assert re.fullmatch(r"[\w-]{43}", first)
    assert first != second
    assert token_for("127.0.0.1", {TOKEN: SECRET}) == SECRET
    with pytest.raises(ConfigError, match="5 characters"):
        token_for("rooms.example", {TOKEN: "short"})


def test_a_newline_behind_a_secret_is_no_part_of_it() -> None:
    assert token_for("rooms.example", {TOKEN: f"{SECRET}\n"}) == SECRET
    with pytest.raises(ConfigError, match="0 characters"):
        token_for("rooms.example", {TOKEN: "\n" * 20})


def test_what_replicas_are_told_does_not_hold_the_token() -> None:
    assert SECRET not in repr(key_of(SECRET))
    assert key_of(SECRET).fits(f"bearer {SECRET}")


def test_nothing_of_a_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        visitor(key_of(SECRET), "http://rooms.example").get("/api/facts", headers={"authorization": f"Bearer {SECRET}"})
        visitor(key_of(SECRET), "http://rooms.example").get("/api/facts", headers={"authorization": "Bearer wr0ng"})
    assert SECRET not in caplog.text
    assert "wr0ng" not in caplog.text


@pytest.mark.parametrize(("host", "here"), [("::1", True), ("127.8.8.8", True), ("10.0.0.1", False), ("a.b", False)])
def test_loopback_is_known(host: str, here: bool) -> None:
    assert is_loopback(host) is here
