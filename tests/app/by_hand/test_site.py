"""The page's server in this process: questions, answers, pictures, who may come in, and reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from higan_cam.app.by_hand.labels import LabelFile
from higan_cam.app.by_hand.site import AHEAD, FILES
from higan_cam.app.door import HEADERS
from higan_cam.publish.images import decode_image
from tests.app.by_hand.conftest import LATENTS, Post


def test_an_answer_is_in_the_table_before_it_is_confirmed(post: Post, file: LabelFile) -> None:
    state = post("/api/next")
    assert (len(state["ahead"]), state["yes"], state["no"], state["said"]) == (AHEAD, 0, 0, "")
    for label in (1, 0):
        question = state["ahead"][0]
        state = post("/api/answer", **question, label=label)
        assert file.path.read_text().splitlines()[-1] == f"{question['index']},{label}"
    assert (state["yes"], state["no"], state["skipped"]) == (1, 1, 0)
    state = post("/api/answer", **state["ahead"][0], label=None)
    assert (state["yes"], state["no"], state["skipped"]) == (1, 1, 1)
    assert len(file.path.read_text().splitlines()) == 3


def test_undo_asks_it_anew_and_says_when_there_is_nothing(post: Post, file: LabelFile) -> None:
    question = post("/api/next")["ahead"][0]
    post("/api/answer", **question, label=1)
    state = post("/api/undo")
    assert (state["ahead"][0], state["yes"]) == (question, 0)
    assert file.path.read_text() == "index,label\n"
    assert post("/api/undo")["said"] == "There is nothing to undo."


def test_agreement_is_said_at_the_end_and_not_before(post: Post) -> None:
    state = post("/api/next")
    while state["ahead"]:
        assert state["agreed"] == ""
        state = post("/api/answer", **state["ahead"][0], label=1)
    assert state["agreed"] == "3 of 3 that were shown twice: 100% [29%, 100%]"
    assert (state["yes"], state["no"]) == (12, 0)


def test_a_picture_is_a_png_of_the_latent(client: TestClient) -> None:
    answer = client.get("/api/pictures/3")
    assert answer.headers["content-type"] == "image/png"
    picture = decode_image(answer.content)
    assert picture.shape == (*picture.shape[:1] * 2, 3)
    assert np.ptp(picture) > 50


@pytest.mark.parametrize("index", [LATENTS, 10**30])
def test_a_latent_that_there_is_not_is_named(client: TestClient, index: int) -> None:
    answer = client.get(f"/api/pictures/{index}")
    assert (answer.status_code, "none of the run's 400" in answer.json()["reason"]) == (404, True)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"index": -1, "again": False, "label": 1}, 422),
        ({"index": LATENTS, "again": False, "label": 1}, 422),
        ({"index": True, "again": False, "label": 1}, 422),
        ({"index": 1.0, "again": False, "label": 1}, 422),
        ({"index": 1, "again": 0, "label": 1}, 422),
        ({"index": 1, "again": False, "label": 2}, 422),
        ({"index": 1, "again": False, "label": True}, 422),
        ({"index": 1, "again": False, "label": 1.0}, 422),
        ({"index": 1, "again": False, "label": [1]}, 422),
        ({"index": 1, "again": False, "label": 1, "tab": ""}, 422),
        ({"index": 1, "again": False, "label": 1, "tab": 3}, 422),
        ({"index": 1, "again": False, "label": 1, "more": "x" * 5000}, 413),
    ],
)
def test_a_wrong_answer_is_refused_and_writes_nothing(
    client: TestClient, file: LabelFile, said: dict[str, Any], status: int
) -> None:
    answer = client.post("/api/answer", json={"tab": "one", **said})
    assert (answer.status_code, bool(answer.json()["reason"])) == (status, True)
    assert file.path.read_text() == "index,label\n"


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff", b"[" * 3000])
def test_a_request_that_is_none_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/api/next", content=body, headers={"content-type": "application/json"}).status_code == 400


def test_nobody_answers_without_the_token_or_from_another_page(client: TestClient, file: LabelFile) -> None:
    said = {"tab": "one", "index": 1, "again": False, "label": 1}
    for path in ("/api/facts", "/api/pictures/1"):
        assert client.get(path, headers={"authorization": "Bearer guessed"}).status_code == 401
    assert client.post("/api/answer", json=said, headers={"authorization": ""}).status_code == 401
    assert client.post("/api/answer", json=said, headers={"origin": "http://evil.example"}).status_code == 403
    simple = {"content-type": "text/plain"}  # what a page may send elsewhere without being asked
    assert client.post("/api/answer", content=b"{}", headers=simple).status_code == 415
    assert file.path.read_text() == "index,label\n"


def test_the_page_is_there_without_a_token_and_loads_nothing_from_elsewhere(client: TestClient) -> None:
    for name in ("", *(name for name in FILES if name != "index.html")):
        answer = client.get(f"/{name}", headers={"authorization": ""})
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]
        assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "sensitive" in client.get("/").text


def test_a_table_that_cannot_be_written_is_a_reason_and_the_next_answer_is_kept(
    client: TestClient, post: Post, file: LabelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = post("/api/next")["ahead"][0]

    def full(_path: Path, _body: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("higan_cam.app.by_hand.labels.replace_whole", full)
        answer = client.post("/api/answer", json={"tab": "one", **question, "label": 1})
    assert (answer.status_code, "No space left" in answer.json()["reason"]) == (500, True)
    assert post("/api/next")["ahead"][0] == question
    assert post("/api/answer", **question, label=1)["yes"] == 1
    assert file.read().labels == {question["index"]: 1}
