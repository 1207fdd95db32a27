"""A download is whole, secure and the same every time, or leaves nothing and says why; against a real server."""

from __future__ import annotations

import hashlib
import io
import json
import resource
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.weights.fetch import fetch
from higan_cam.weights.record import LOCK, TURN, recorded
from higan_cam.weights.zoo import Checkpoint
from tests.support.weights_server import Answer, body, chunked, redirect, reset, serving, status, write_certificate


def saved(value: float) -> bytes:
    """A small file of torch.save."""
    sink = io.BytesIO()
    torch.save({"a": torch.full((100,), value)}, sink)
    return sink.getvalue()


GOOD, CHANGED = saved(1.0), saved(2.0)
DIGEST = hashlib.sha256(GOOD).hexdigest()
PAGE = b"\n<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title></html>"


@pytest.fixture
def answers() -> dict[str, Answer]:
    """What the server says; a test changes it."""
    return {"/g.pth": body(GOOD)}


@pytest.fixture
def server(answers: dict[str, Answer]) -> Iterator[str]:
    """The address of a running server."""
    with serving(answers) as address:
        yield address


@pytest.fixture
def checkpoint(server: str) -> Checkpoint:
    """A generator that the server has."""
    return Checkpoint("bedroom", "generator", "g.pth", "a bedroom", "free", "here", f"{server}/g.pth")


def files(folder: Path) -> set[str]:
    """What is there, but for the empty file that is locked."""
    return {path.name for path in folder.iterdir()} - {TURN} if folder.exists() else set()


def test_the_first_fetch_is_trusted_and_recorded(checkpoint: Checkpoint, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    done = fetch(checkpoint, tmp_path / "new", progress=lambda *step: seen.append(step))
    assert (done.sha256, done.verdict, done.downloaded) == (DIGEST, "first", True)
    assert done.path.read_bytes() == GOOD
    assert files(tmp_path / "new") == {"g.pth", LOCK}
    assert recorded(tmp_path / "new")["bedroom"]["sha256"] == DIGEST
    assert seen[-1] == (len(GOOD), len(GOOD))


def test_a_file_that_is_there_is_checked_and_not_downloaded(
    checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path
) -> None:
    fetch(checkpoint, tmp_path)
    answers.clear()
    (tmp_path / TURN).unlink()
    assert not fetch(checkpoint, tmp_path).downloaded
    assert files(tmp_path) == {"g.pth", LOCK}
    assert not (tmp_path / TURN).exists()  # nothing was written: the folder may be read-only
    (tmp_path / "g.pth").write_bytes(CHANGED)
    with pytest.raises(WeightsError, match=rf"has sha256 .* recorded at the first fetch {DIGEST}"):
        fetch(checkpoint, tmp_path)


def test_a_file_put_there_by_hand_is_recorded(checkpoint: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "g.pth").write_bytes(GOOD)
    by_hand = replace(checkpoint, url=None, where="some page")
    assert fetch(by_hand, tmp_path).verdict == "first"
    assert fetch(by_hand, tmp_path).verdict == "locked"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PAGE, r"g\.pth: a web page came instead of the file"),
        (GOOD[:-10], rf"g\.pth: the file breaks off after {len(GOOD) - 10:,} bytes"),
    ],
    ids=["page saved as file", "broken off"],
)
def test_a_file_put_there_by_hand_that_is_none_is_not_trusted(
    data: bytes, said: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "g.pth").write_bytes(data)
    with pytest.raises(WeightsError, match=said):
        fetch(replace(checkpoint, url=None, where="some page"), tmp_path)
    assert files(tmp_path) == {"g.pth"}


def test_a_later_fetch_of_other_bytes_is_refused_with_both_digests(
    checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path
) -> None:
    fetch(checkpoint, tmp_path).path.unlink()
    answers["/g.pth"] = body(CHANGED)
    with pytest.raises(WeightsError, match=f"{hashlib.sha256(CHANGED).hexdigest()}.*{DIGEST}"):
        fetch(checkpoint, tmp_path)
    assert files(tmp_path) == {LOCK}
    assert recorded(tmp_path)["bedroom"]["sha256"] == DIGEST


def test_of_two_first_fetches_at_one_moment_the_second_is_compared_with_the_first(
    checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path
) -> None:
    """The other one ends while this one's bytes are still coming."""

    def overtaken(handler: BaseHTTPRequestHandler) -> None:
        answers["/g.pth"] = body(GOOD)
        fetch(checkpoint, tmp_path)
        body(CHANGED)(handler)

    answers["/g.pth"] = overtaken
    with pytest.raises(WeightsError, match=f"gave sha256 {hashlib.sha256(CHANGED).hexdigest()}.*{DIGEST}"):
        fetch(checkpoint, tmp_path)
    assert (tmp_path / "g.pth").read_bytes() == GOOD
    assert recorded(tmp_path)["bedroom"]["sha256"] == DIGEST


def test_a_pinned_digest_counts_from_the_first_fetch_on(
    checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path
) -> None:
    pinned = replace(checkpoint, sha256=DIGEST)
    answers["/g.pth"] = body(CHANGED)
    with pytest.raises(WeightsError, match=r"weights\.toml pins"):
        fetch(pinned, tmp_path)
    assert files(tmp_path) == set()
    answers["/g.pth"] = body(GOOD)
    assert fetch(pinned, tmp_path).verdict == "pinned"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "answered 404 Not Found; the file may have moved: name its address with --url"),
        (status(403), "answered 403 Forbidden; it wants a login or a click"),
        (status(410), "answered 410 Gone; the file may have moved"),
        (status(503), "answered 503 Service Unavailable; fetch again later"),
        (body(PAGE, "text/html"), "a web page came instead of the file"),
        (body(PAGE), "a web page came instead of the file"),
        (body(b'{"error": "gone"}', "application/json"), 'begins with b\'{"error": "g\', which is no .pth file'),
        (body(GOOD[:500], length=len(GOOD)), f"broke off after 500 of {len(GOOD)} bytes"),
        (body(GOOD[:500], length=None), "the file breaks off after 500 bytes"),
        (chunked(GOOD[:500], whole=False), r"broke off \(IncompleteRead\)"),
        (reset(GOOD[:500], len(GOOD)), "closed the connection|broke off"),
        (body(b""), "broke off after 0"),
        (body(GOOD, length=10**13), "10,000,000,000,000 bytes, more than"),
        (redirect("http://example.invalid/g.pth"), "come over https:// only"),
        (redirect("/g.pth"), "answered 302 .*infinite loop"),
        (redirect("/nowhere"), "answered 404"),
    ],
    ids=[
        *("absent", "forbidden", "gone", "overloaded", "page", "page as file", "other bytes", "truncated"),
        *("truncated, no size", "truncated chunks", "reset", "empty", "too large", "step down", "circle", "nowhere"),
    ],
)
def test_what_is_not_the_file_is_refused_and_nothing_is_left(
    answer: Answer | None, said: str, checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path
) -> None:
    answers.clear()
    if answer is not None:
        answers["/g.pth"] = answer
    with pytest.raises(WeightsError, match=said):
        fetch(checkpoint, tmp_path)
    assert files(tmp_path) == set()
    answers["/g.pth"] = body(GOOD)
    assert fetch(checkpoint, tmp_path).sha256 == DIGEST


def test_a_size_that_was_not_announced_is_limited_too(
    checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path
) -> None:
    answers["/g.pth"] = body(GOOD, length=None)
    with pytest.raises(WeightsError, match="more than the 1,000 bytes"):
        fetch(checkpoint, tmp_path, max_bytes=1000)
    assert files(tmp_path) == set()
    assert fetch(checkpoint, tmp_path).sha256 == DIGEST


def test_a_server_that_falls_silent_is_given_up(
    checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path
) -> None:
    release = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(GOOD)))
        handler.end_headers()
        handler.wfile.write(GOOD[:100])
        release.wait(60)

    answers["/g.pth"] = stall
    try:
        with pytest.raises(WeightsError, match="fell silent"):
            fetch(checkpoint, tmp_path, timeout_s=0.2)
    finally:
        release.set()
    assert files(tmp_path) == set()


@pytest.mark.parametrize("target", ["{server}/g.pth", "/g.pth", "/older"], ids=["whole", "path", "twice"])
def test_redirects_on_the_way_to_the_file_are_followed(
    target: str, checkpoint: Checkpoint, answers: dict[str, Answer], server: str, tmp_path: Path
) -> None:
    answers |= {"/old": redirect(target.format(server=server)), "/older": redirect("/g.pth")}
    assert fetch(checkpoint, tmp_path, url=f"{server}/old").sha256 == DIGEST


def test_a_redirect_to_a_page_that_wants_a_login_is_no_file(
    checkpoint: Checkpoint, answers: dict[str, Answer], server: str, tmp_path: Path
) -> None:
    answers |= {"/old": redirect("/login?next=g.pth"), "/login": body(PAGE, "text/html; charset=utf-8")}
    with pytest.raises(WeightsError, match=r"/old: a web page came instead .* save the file as .*g\.pth"):
        fetch(checkpoint, tmp_path, url=f"{server}/old")
    assert files(tmp_path) == set()


def test_a_body_in_chunks_needs_no_size(checkpoint: Checkpoint, answers: dict[str, Answer], tmp_path: Path) -> None:
    answers["/g.pth"] = chunked(GOOD)
    assert fetch(checkpoint, tmp_path).sha256 == DIGEST


def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint) -> None:
    certificate = write_certificate(tmp_path / "server.pem")
    with serving({"/g.pth": body(GOOD)}, certificate) as address:
        secure = replace(checkpoint, url=f"{address}/g.pth")
        with pytest.raises(WeightsError, match="certificate is not trusted"):
            fetch(secure, tmp_path / "weights")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert fetch(secure, tmp_path / "weights").sha256 == DIGEST


def test_https_leads_nowhere_else_this_machine_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint
) -> None:
    certificate = write_certificate(tmp_path / "server.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving({"/plain.pth": body(GOOD)}) as plain:
        answers = {"/g.pth": redirect(f"{plain}/plain.pth")}
        with serving(answers, certificate) as address, pytest.raises(WeightsError, match="over https:// only"):
            fetch(checkpoint, tmp_path / "new", url=f"{address}/g.pth")


@pytest.mark.parametrize("url", ["https://[", "https://example.invalid/sch\u00f6n.pth"])
def test_what_is_no_address_is_refused(url: str, checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="address"):
        fetch(checkpoint, tmp_path / "new", url=url)


@pytest.mark.parametrize("url", ["http://example.org/g.pth", "ftp://example.org/g.pth", "file:///etc/passwd", "g.pth"])
def test_only_https_leaves_this_machine(url: str, checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="come over https:// only"):
        fetch(checkpoint, tmp_path, url=url)


def test_a_server_that_is_not_there_is_named(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with serving({}) as address:
        pass
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:\d+/g\.pth: cannot be reached .*Connection refused"):
        fetch(checkpoint, tmp_path, url=f"{address}/g.pth")


def test_secrets_in_an_address_are_neither_shown_nor_recorded(
    checkpoint: Checkpoint, answers: dict[str, Answer], server: str, tmp_path: Path
) -> None:
    signed = f"{server}/g.pth?signature=SECRET"
    answers["/g.pth"] = body(PAGE)
    with pytest.raises(WeightsError) as refused:
        fetch(checkpoint, tmp_path, url=signed)
    answers["/g.pth"] = body(GOOD)
    fetch(checkpoint, tmp_path, url=signed)
    assert "SECRET" not in str(refused.value) + (tmp_path / LOCK).read_text()


def test_a_full_disk_is_named_and_leaves_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # a write beyond it fails as on a full disk
    try:
        with pytest.raises(WeightsError, match=r"g\.pth cannot be written .*make room"):
            fetch(checkpoint, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(tmp_path) == set()


@pytest.mark.parametrize("text", ["{", "[]", '{"bedroom": {}}', '{"bedroom": {"sha256": 3}}'])
def test_a_damaged_record_is_named_and_not_overwritten(text: str, checkpoint: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(WeightsError, match="not a record of fetched files"):
        fetch(checkpoint, tmp_path)
    assert (tmp_path / LOCK).read_text() == text


def test_records_of_other_files_stay(checkpoint: Checkpoint, tmp_path: Path) -> None:
    other = {"other": {"file": "o.pth", "sha256": "0" * 64, "bytes": 1, "url": None}}
    (tmp_path / LOCK).write_text(json.dumps(other))
    fetch(checkpoint, tmp_path)
    assert recorded(tmp_path)["other"] == other["other"]
    assert set(recorded(tmp_path)) == {"other", "bedroom"}
