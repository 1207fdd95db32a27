"""The site in this process: places, light, reasons, and nothing that stays."""

from __future__ import annotations

import asyncio
import hashlib
import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import Message

from higan_cam.app.limits import Limits
from higan_cam.app.looking import Eye, asked_place, places_config
from higan_cam.app.site import BYTES, FILES, Settings, site
from higan_cam.app.wire import decode_layer, pack
from higan_cam.mask.student import load_student
from higan_cam.publish.images import decode_image
from higan_cam.relight import Dial, Light, relight
from higan_cam.relight.bodies import drawn_lamp, encode_lamp
from higan_cam.relight.composers.cutout import Cutout
from tests.app.conftest import Ask
from tests.support.wrong_uploads import picture, wrong_uploads

WRONG = wrong_uploads()


def test_places_come_with_the_picture_upright_and_its_digest(ask: Ask) -> None:
    upright = Image.open(io.BytesIO(picture(96, 160)))
    body, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6
    upright.rotate(90, expand=True).save(body, "PNG", exif=exif)
    said, files = ask("/api/places", body.getvalue())
    assert said["digest"] == hashlib.sha256(body.getvalue()).hexdigest()
    assert (said["height"], said["width"]) == (96, 160)
    np.testing.assert_array_equal(decode_image(files["picture"]), np.asarray(upright))
    assert 1 <= len(said["places"]) <= 3
    assert all(0 <= place[name] <= 1 for place in said["places"] for name in ("x", "y"))
    assert said["notes"] == ["turned by EXIF orientation 6"]


def test_light_at_a_place_lights_it_and_ends_at_no_line_in_the_picture(ask: Ask) -> None:
    body = picture(96, 160)
    said, files = ask("/api/light", pack({"rank": 0, "lamp": "none"}, picture=body))
    layer = decode_layer(files["levels"], said["step"], 96, 160)
    assert list(files) == ["levels"]
    assert layer.max() > 0
    assert layer.reshape(96 * 160, 3).any(axis=-1).mean() > 0.9
    before = np.asarray(Image.open(io.BytesIO(body)))
    after = relight(before, [Light(layer, said["kelvin"])], [Dial()])
    assert (after >= before).all()
    assert after[round(said["place"]["y"] * 96), round(said["place"]["x"] * 160)].sum() > 0


def test_what_is_sent_gives_the_servers_own_result_to_a_level(ask: Ask) -> None:
    body = picture(90, 120, seed=4)
    said, files = ask("/api/light", pack({"rank": 0, "lamp": "drawn"}, picture=body))
    eye = Eye(load_student(), places_config(), Limits())
    seen = eye.look(body)
    place = asked_place({"rank": 0}, seen)  # type: ignore[arg-type]
    made = eye.light(seen, place, drawn_lamp(), Cutout())  # type: ignore[arg-type]
    np.testing.assert_array_equal(decode_image(files["picture"]), made.picture)
    sent = Light(decode_layer(files["levels"], said["step"], 90, 120), said["kelvin"])
    for dial in (Dial(), Dial(2.0, 1800), Dial(0.35, 6500), Dial(0)):
        ours, theirs = (relight(made.picture, [light], [dial]).astype(int) for light in (made.light, sent))
        assert np.abs(ours - theirs).max() <= 1


def test_a_lamp_of_ones_own_stands_in_the_picture_at_ones_own_place(ask: Ask) -> None:
    body, lamp = picture(96, 128), encode_lamp(drawn_lamp())
    _, files = ask("/api/light", pack({"x": 0.25, "y": 0.5, "lamp": "own"}, picture=body, lamp=lamp))
    before, after = np.asarray(Image.open(io.BytesIO(body))), decode_image(files["picture"])
    rows, columns = np.nonzero((before != after).any(axis=-1))
    assert abs(columns.mean() / 128 - 0.25) < 0.02
    assert abs(rows.mean() / 96 - 0.5) < 0.06
    assert columns.max() - columns.min() < 0.1 * 128


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_upload_has_a_reason_in_plain_words(client: TestClient, name: str) -> None:
    content, word = WRONG[name]
    for path, body in (("/api/places", content), ("/api/light", pack({"rank": 0, "lamp": "none"}, picture=content))):
        answer = client.post(path, content=body, headers={"content-type": BYTES})
        assert answer.status_code == 422, answer.text
        reason = answer.json()["reason"]
        assert reason.startswith("This picture cannot be used: ")
        assert word in reason
        assert "Traceback" not in reason
        assert len(reason) < 250


def test_more_than_forty_wrong_uploads_are_tried() -> None:
    assert len(WRONG) >= 40


@pytest.mark.parametrize(
    ("said", "files", "status", "word"),
    [
        ({"rank": 7, "lamp": "none"}, {}, 422, "place 8"),
        ({"rank": -1, "lamp": "none"}, {}, 422, "place"),
        ({"rank": True, "lamp": "none"}, {}, 422, "rank"),
        ({"x": 2, "y": 0.5, "lamp": "none"}, {}, 422, "0 to 1"),
        ({"x": float("1e30"), "y": [], "lamp": "none"}, {}, 422, "0 to 1"),
        ({"lamp": "none"}, {}, 422, "rank"),
        ({"rank": 0, "lamp": "chandelier"}, {}, 422, "drawn"),
        ({"rank": 0, "lamp": ["none"]}, {}, 422, "drawn"),
        ({"rank": 0, "lamp": "own"}, {}, 422, "empty"),
        ({"rank": 0, "lamp": "own"}, {"lamp": picture()}, 422, "nothing transparent"),
    ],
)
def test_a_wrong_wish_has_a_reason(
    client: TestClient, said: dict[str, object], files: dict[str, bytes], status: int, word: str
) -> None:
    body = pack(said, picture=picture(), **files)
    answer = client.post("/api/light", content=body, headers={"content-type": BYTES})
    assert (answer.status_code, word in answer.json()["reason"]) == (status, True), answer.text


def test_a_body_that_is_no_frame_and_another_type_are_refused(client: TestClient) -> None:
    assert client.post("/api/light", content=b"x", headers={"content-type": BYTES}).status_code == 400
    assert client.post("/api/places", content=picture(), headers={"content-type": "image/png"}).status_code == 415
    form = client.post("/api/places", files={"picture": ("a.png", picture())})
    assert form.status_code == 415
    assert client.get("/api/places").status_code == 405
    assert client.get("/../pyproject.toml").status_code == 404
    assert client.get("/index.html").status_code == 404


def test_what_is_too_large_is_refused_before_it_is_all_here() -> None:
    small = TestClient(site(Settings(limits=Limits(upload_bytes=5000))), base_url="http://localhost")
    headers = {"content-type": BYTES}
    answer = small.post("/api/places", content=bytes(5001), headers=headers)
    assert answer.status_code == 413
    assert "5,000 bytes" in answer.json()["reason"]


@pytest.mark.parametrize(
    ("stated", "read"), [(None, 21_000), ("6000", 21_000), ("20001", 0), ("9" * 5000, 0), ("-1", 21_000), ("x", 21_000)]
)
def test_of_what_is_far_too_large_four_times_the_limit_is_read_at_most(stated: str | None, read: int) -> None:
    small, sent, answers = site(Settings(limits=Limits(upload_bytes=5000))), 0, []
    headers = {"host": "localhost", "content-type": BYTES} | ({} if stated is None else {"content-length": stated})

    async def endless() -> Message:
        nonlocal sent
        sent += 1000
        return {"type": "http.request", "body": bytes(1000), "more_body": sent < 10**6}

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/places",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def answered() -> None:
        await small(scope, endless, send)

    asyncio.run(answered())
    assert (answers[0]["status"], sent) == (413, read)


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_script_of_its_own(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in answer.headers["content-security-policy"]
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, name
        assert "<script>" not in text
        assert " style=" not in text
        assert client.get("/" if name == "index.html" else f"/{name}").status_code == 200
    assert client.get("/lamp.png").content.startswith(b"\x89PNG")


def test_an_error_of_ours_is_told_without_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_spot: object) -> object:
        raise RuntimeError("/secret/path")

    ours = site(Settings(composer=broken))  # type: ignore[arg-type]
    answer = TestClient(ours, base_url="http://localhost", raise_server_exceptions=False).post(
        "/api/light",
        content=pack({"x": 0.5, "y": 0.5, "lamp": "none"}, picture=picture()),
        headers={"content-type": BYTES},
    )
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "RuntimeError" in caplog.text
