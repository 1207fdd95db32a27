"""Fifty visitors of the page at once: how long they wait, and whether anybody gets another one's picture."""

from __future__ import annotations

import hashlib
import http.client
import io
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from higan_cam.app.serving import served
from higan_cam.app.site import BYTES, Settings
from higan_cam.app.wire import pack, unpack
from higan_cam.rooms.photos import photo

VISITORS, REPLICAS, ROUNDS = 50, 2, 2
SIZE = 512
_REPLICA = re.compile(r"^ray::ServeReplica")
_GIVE_UP_S = 900.0


@dataclass(frozen=True)
class VisitRow:
    """One kind of question, asked by all visitors.

    Attributes:
        seconds: until each was answered, waiting and asking again included.
        busy: answers 503, after which the visitor asked again.
        failed: any other answer, or none.
        mixed: answers about another picture than the visitor's.
    """

    what: str
    visitors: int
    seconds: tuple[float, ...]
    busy: int
    failed: int
    mixed: int
    replica_peak_mb: float


@dataclass
class _Tally:
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"places": [], "light": []})
    busy: dict[str, int] = field(default_factory=lambda: {"places": 0, "light": 0})
    failed: dict[str, int] = field(default_factory=lambda: {"places": 0, "light": 0})
    mixed: dict[str, int] = field(default_factory=lambda: {"places": 0, "light": 0})
    lock: threading.Lock = field(default_factory=threading.Lock)


def measure_page() -> list[VisitRow]:
    """All visitors at once on a local Ray: each asks for places, then for light, and again, without a pause."""
    import ray

    files = [_file(number) for number in range(VISITORS)]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    ray.init(address="local", num_cpus=REPLICAS + 1, include_dashboard=False, log_to_driver=False)
    tally, peak = _Tally(), 0.0
    try:
        with served(Settings(), "127.0.0.1", port, REPLICAS), ThreadPoolExecutor(VISITORS) as pool:
            visits = [pool.submit(_visit, port, content, tally) for content in files]
            while not all(visit.done() for visit in visits):
                peak = max(peak, _replica_mb())
                time.sleep(1)
            for visit in visits:
                visit.result()
    finally:
        ray.shutdown()
    return [
        VisitRow(
            what, VISITORS, tuple(tally.seconds[what]), tally.busy[what], tally.failed[what], tally.mixed[what], peak
        )
        for what in tally.seconds
    ]


def page_table(rows: list[VisitRow]) -> Any:
    """The rows as a table for the terminal."""
    from rich.table import Table

    table = Table(title=f"{VISITORS} visitors at once, {REPLICAS} replicas, pictures of {SIZE} x {SIZE} px")
    for heading in ("question", "answered", "median s", "p95 s", "longest s", "503, asked again", "failed", "mixed up"):
        table.add_column(heading, justify="right")
    table.add_column("replica's peak MB", justify="right")
    for row in rows:
        spread = (median(row.seconds), float(np.percentile(row.seconds, 95)), max(row.seconds))
        counts = (str(count) for count in (row.busy, row.failed, row.mixed))
        table.add_row(
            row.what, str(len(row.seconds)), *(f"{s:.1f}" for s in spread), *counts, f"{row.replica_peak_mb:.0f}"
        )
    return table


def _visit(port: int, content: bytes, tally: _Tally) -> None:
    """One visitor: a digest and a picture of its own, checked in every answer."""
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(ROUNDS):
        for what, body in (
            ("places", content),
            ("light", pack({"x": 0.5, "y": 0.5, "lamp": "drawn"}, picture=content)),
        ):
            began = time.monotonic()
            answer = _asked(port, what, body, tally)
            with tally.lock:
                if answer is None:
                    tally.failed[what] += 1
                else:
                    tally.seconds[what].append(time.monotonic() - began)
                    tally.mixed[what] += unpack(answer, 1_000_000)[0]["digest"] != digest


def _asked(port: int, what: str, body: bytes, tally: _Tally) -> bytes | None:
    """The answer, asked again while the server is busy, as the page does; None where there is none."""
    tried, ends = 0, time.monotonic() + _GIVE_UP_S
    while time.monotonic() < ends:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_GIVE_UP_S)
        try:
            connection.request("POST", f"/api/{what}", body, {"Content-Type": BYTES})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        if answer.status != 503:
            return content if answer.status == 200 else None
        with tally.lock:
            tally.busy[what] += 1
        tried += 1
        time.sleep(min(8.0, 0.25 * 1.6**tried))
    return None


def _file(number: int) -> bytes:
    body = io.BytesIO()
    image = photo(3, number % 10, "G2", lamps=False, size=SIZE).image
    image = np.roll(image, 7 * (number // 10), axis=1)  # every visitor's picture is another one
    Image.fromarray(image).save(body, "JPEG", quality=92)
    return body.getvalue()


def _replica_mb() -> float:
    """The most memory that a replica has had resident, MB, by the kernel's own record."""
    peaks = [0.0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if _REPLICA.match((process / "cmdline").read_text(encoding="utf-8", errors="replace")):
                status = (process / "status").read_text(encoding="utf-8")
                peaks += [int(kb) / 1000 for kb in re.findall(r"VmHWM:\s+(\d+) kB", status)]
        except OSError:
            continue
    return max(peaks)
