"""A report is put together from what is there, without Ray."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.config import RunConfig, parse_config
from higan_cam.errors import StoreError
from higan_cam.publish.report.assemble import Measured, assemble
from higan_cam.publish.report.content import EditStrip
from higan_cam.publish.report.figures import read_figures
from higan_cam.publish.report.statistics import Histogram, ScoreSummary
from higan_cam.store.keys import INPAINTER_KEY, INPAINTER_PICTURE_KEY
from higan_cam.store.run import begin_run
from higan_cam.store.store import Store
from higan_cam.types import Boundary
from tests.publish.report.test_page import Page
from tests.support.samples import commit_run, sample_of

LEFT = {"report/index.html", "report/gallery.html", "README.md"}


def boundary() -> Boundary:
    response = {"distances": [-1.0, 0.0, 1.0], "mean": [1.0, 1.5, 2.0], "p10": [0.5, 1.0, 1.5], "p90": [1.5, 2.0, 2.5]}
    metrics = {"method": "svm", "spearman_outside_tails": 0.912, "score_response": {**response, "samples": 7}, "C": 0.1}
    return Boundary(np.eye(1, 4, dtype=np.float32)[0], 0.25, "w", (0,), "indoor_lighting", metrics)


def measured() -> Measured:
    scores = np.array([0.5, 1.5, 2.5])
    return Measured(
        scores=ScoreSummary(Histogram.of(scores), count=3, tail=1),
        score_range=(0.0, 3.0),
        strip_distances=(-3.0, 3.0),
        strips=(EditStrip(0, (np.zeros((4, 4, 3), np.uint8),) * 2, (0.5, 2.5)),),
        walls={},
    )


def write(config: RunConfig, store: Store, boundary: Boundary | None, measured: Measured) -> None:
    """The report of what is there."""
    assemble(config, store, boundary, measured, read_figures(config, store))


def sections(store: Store) -> set[str]:
    page = Page(store.get("report/index.html").decode())
    return {name for name in page.values("id") if "-" not in name}


def test_a_full_run_has_every_section_and_a_card(store: Store) -> None:
    config = commit_run(store, [sample_of(index) for index in range(8)])
    write(config, store, boundary(), measured())
    assert set(store.list()) >= LEFT
    assert sections(store) >= {"scores", "boundary", "edits", "samples", "regions", "quality", "run"}
    text = Page(store.get("report/index.html").decode()).text
    assert "0.912" in text
    assert "Score of 7 latents" in text
    assert "The first 4 of the run by index; not chosen." in text
    card = store.get("README.md").decode()
    assert "license: mit" in card
    assert "toy world" in card


def test_the_report_says_what_counts_as_rounding(store: Store) -> None:
    config = parse_config({})
    begin_run(store, config, {}, lambda: 3)
    write(config, store, None, Measured())
    text = Page(store.get("report/index.html").decode()).text
    assert "rounding floor" in text
    assert "changes of up to 3 of 255 levels" in text


def test_what_has_not_run_is_left_out(store: Store) -> None:
    config = parse_config({})
    begin_run(store, config)
    write(config, store, None, Measured())
    assert sections(store) == {"top", "samples", "run"}
    assert {key for key in store.list() if key != "run.json"} == {"report/index.html"}


def test_the_same_run_gives_the_same_bytes(store: Store) -> None:
    config = commit_run(store, [sample_of(index) for index in range(8)])
    written = []
    for _ in range(2):
        write(config, store, boundary(), measured())
        written.append({key: store.get(key) for key in LEFT})
    assert written[0] == written[1]


@pytest.mark.parametrize("broken", ["shard", "inpainter"])
def test_what_cannot_be_read_leaves_an_older_report_as_it_was(store: Store, broken: str) -> None:
    config = commit_run(store, [sample_of(index) for index in range(8)])
    write(config, store, None, Measured())
    before = {key: store.get(key) for key in store.list("report/")}
    if broken == "shard":
        path = store.list("data/")[0]
        store.put(path, bytes(len(store.get(path))))
    else:
        store.put(INPAINTER_KEY, b"{")
        store.put(INPAINTER_PICTURE_KEY, b"")
    with pytest.raises(StoreError, match="is damaged" if broken == "shard" else "not the figures of an inpainter"):
        write(config, store, boundary(), measured())
    assert {key: store.get(key) for key in before} == before
