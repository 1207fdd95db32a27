"""The section "put light here": found in a run, shown in its report and on a page of its own."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest

from higan_cam.errors import StoreError
from higan_cam.publish.report.content import ReportContent
from higan_cam.publish.report.inpainter import (
    InpainterView,
    find_inpainter,
    parse_inpainter,
    render_inpainter_page,
)
from higan_cam.publish.report.page import render_report
from higan_cam.store.keys import INPAINTER_KEY, INPAINTER_PICTURE_KEY
from higan_cam.store.store import Store, open_store
from tests.publish.report.test_page import Page

PICTURE = cv2.imencode(".png", np.full((4, 8, 3), 90, np.uint8))[1].tobytes()


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


FIGURES: dict[str, Any] = {
    "facts": {"train samples": 3712, "side in px": 64},
    "columns": ["unlit", "mask", "inpainter"],
    "rows": [
        {"picture": "inpainter", "mask": "own", "inside": figure(0.321), "ratio": figure(4.56), "psnr": figure(27.04)},
        {"picture": "inpainter", "mask": "empty", "inside": {"value": None, "low": None, "high": None}},
        {"picture": "constant", "mask": "moved", "outside": figure(-0.002)},
    ],
}
BODY = json.dumps(FIGURES).encode()


@pytest.fixture
def view() -> InpainterView:
    return parse_inpainter(BODY, PICTURE)


@pytest.fixture
def store(tmp_path: Any) -> Store:
    return open_store(tmp_path / "run")


def test_a_page_of_its_own_holds_the_grid_and_every_figure_with_its_interval(view: InpainterView) -> None:
    html = render_inpainter_page(view)
    page = Page(html)
    assert page.values("src") == [view.grid]
    assert page.values("alt") == ["Test samples, one a row. Columns: unlit, mask, inpainter."]
    for text in ("0.321", "0.311 to 0.331", "4.6", "27.0", "−0.002", "3,712", "another's, elsewhere"):
        assert text in page.text
    assert html.count("<tr>") == 4
    assert html == render_inpainter_page(view)


def test_a_figure_without_meaning_is_a_dash(view: InpainterView) -> None:
    assert view.rows[1].figures["inside"] is None
    assert "None" not in Page(render_inpainter_page(view)).text


def test_the_runs_report_has_the_section_when_there_is_an_inpainter(view: InpainterView) -> None:
    content: dict[str, Any] = {"title": "masks", "attribute": "indoor_lighting", "run": {"seed": 1}}
    without, with_it = render_report(ReportContent(**content)), render_report(ReportContent(**content, inpainter=view))
    page = Page(with_it)
    assert "inpainter" in page.values("id")
    assert "#inpainter" in page.values("href")
    assert view.grid in page.values("src")
    assert "inpainter" not in Page(without).values("id")


def test_it_is_found_in_a_run_only_with_both_of_its_files(store: Store, view: InpainterView) -> None:
    assert find_inpainter(store) is None
    store.put(INPAINTER_KEY, BODY)
    assert find_inpainter(store) is None
    store.put(INPAINTER_PICTURE_KEY, PICTURE)
    assert find_inpainter(store) == view


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"facts": {}}', BODY.replace(b'"moved"', b'"sideways"')])
def test_figures_of_something_else_are_refused_with_what_to_do(store: Store, body: bytes) -> None:
    store.put(INPAINTER_KEY, body)
    store.put(INPAINTER_PICTURE_KEY, PICTURE)
    with pytest.raises(StoreError, match=r"report/inpainter\.json: not the figures of an inpainter.*--publish"):
        find_inpainter(store)
