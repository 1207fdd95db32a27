"""The report page, on synthetic rooms: a bright disc on a smooth background answers."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from higan_cam.publish.report.content import (
    EditStrip,
    NextCommand,
    ReportContent,
    SampleView,
    StageTiming,
)
from higan_cam.publish.report.curves import faithfulness_curves
from higan_cam.publish.report.page import flatten, key_figures, render_report
from higan_cam.publish.report.statistics import (
    BoundarySummary,
    Distribution,
    Histogram,
    QualityStatistics,
    RegionStatistics,
    ScoreResponse,
    ScoreSummary,
)
from higan_cam.types import ByteArray, Ellipse, Region
from tests.support.chosen import CHOICE
from tests.support.refined import REFINED

VOID = {"meta", "img", "br", "link", "input", "hr"}
SIDE = 32
GALLERY = "gallery.html"


class Page(HTMLParser):
    """Parses a page, checks that tags are balanced, and keeps elements, ids, references and visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def values(self, *names: str) -> list[str]:
        return [value or "" for _, attrs in self.elements for name, value in attrs.items() if name in names]


def room(seed: int, light: float) -> ByteArray:
    """A smooth (SIDE,SIDE,3) picture with a disc whose brightness is `light`."""
    noise = np.random.default_rng(seed).uniform(0, 160, (4, 4, 3))
    smooth = np.asarray(cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)).clip(0, 255)
    y, x = np.mgrid[:SIDE, :SIDE]
    smooth[np.hypot(y - 10, x - 20) < 5] += 90 * light
    return np.asarray(smooth.clip(0, 255), np.uint8)


def sample_view(index: int, empty: bool = False) -> SampleView:
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = np.hypot(y - 10, x - 20) < 5
    region = Region(
        0, int(inside.sum()), 0.8, 1.0, 64.0, 80, (10.0, 20.0), (9.0, 20.0), Ellipse(9.0, 9.0, 0.0), (16, 6, 9, 9), {}
    )
    return SampleView(
        id=f"sample-{index}",
        index=index,
        original=room(index, 0.5),
        negative=room(index, 0.0),
        positive=room(index, 1.0),
        heat=np.exp(-((y - 10) ** 2 + (x - 20) ** 2) / 30),
        mask=np.zeros((SIDE, SIDE), np.uint8) if empty else inside.astype(np.uint8) * 255,
        regions=() if empty else (region,),
        score=1.5,
        score_negative=0.5,
        score_positive=2.5,
        retention=None if empty else 0.8,
        necessity=None if empty else 0.7,
        coverage=0.0 if empty else float(inside.mean()),
        status="empty" if empty else "ok",
        reason="no cluster of 40 pixels" if empty else "",
    )


RETENTION = {"retention": np.linspace(0, 1, 9), "retention_random": np.zeros(9)}


def full_content() -> ReportContent:
    rng = np.random.default_rng(0)
    unit = Distribution.of(rng.normal(0.7, 0.2, 90), limits=(0.0, 1.0))
    distances, mean = (-3.0, 0.0, 3.0), np.array([0.5, 1.5, 2.5])
    return ReportContent(
        title="Rooms <lit>",
        attribute="indoor_lighting",
        run={"seed": 0, "config_hash": "9d02f6b1"},
        scores=ScoreSummary(Histogram.of(rng.uniform(0, 3, 500), limits=(0, 3)), 502, 2, 50, 0.3, 2.7),
        boundary=BoundarySummary("svm", 0.948, 0.98, {"C": 0.001, "search": {"1.0": 0.87}}),
        response=ScoreResponse(np.array(distances), mean, mean - 0.25, mean + 0.25, count=9),
        strip_distances=distances,
        strips=tuple(EditStrip(i, tuple(room(i, d / 3) for d in distances), (0.4, 1.4, 2.4)) for i in range(2)),
        samples=(sample_view(0), sample_view(1, empty=True)),
        samples_note="The first 2 by index.",
        gallery_note="All 90 samples of the run.",
        regions=RegionStatistics((1, 1), unit, {"no cluster": 1}, np.eye(4), np.eye(4) / 2),
        quality=QualityStatistics(unit, unit, unit, unit),
        faithfulness={"retention": faithfulness_curves(RETENTION, "retention")},
        timings=(StageTiming("label", 12.5, 502, 2, 1),),
        next_commands=(NextCommand("higan-cam verify out", "check it"),),
        warnings=("1 unit is quarantined",),
    )


def bare_content() -> ReportContent:
    return ReportContent(title="Rooms", attribute="view", run={})


EVERY_CONTENT = {
    "full": full_content(),
    "bare": bare_content(),
    "no samples": replace(full_content(), samples=()),
    "all empty": replace(full_content(), samples=tuple(sample_view(i, empty=True) for i in range(3))),
    "no regions at all": replace(
        full_content(), regions=RegionStatistics((4,), Distribution.of(np.array([])), {"flat": 4})
    ),
}


@pytest.mark.parametrize("content", EVERY_CONTENT.values(), ids=EVERY_CONTENT.keys())
def test_page_is_well_formed_self_contained_and_described(content: ReportContent) -> None:
    html = render_report(content)
    page = Page(html)
    identifiers = page.values("id")
    assert html.startswith("<!DOCTYPE html>")
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.elements}
    assert len(identifiers) == len(set(identifiers))
    assert all(
        reference.startswith(("data:image/", "#")) for reference in page.values("src", "href") if reference != GALLERY
    )
    assert {reference[1:] for reference in page.values("href") if reference.startswith("#")} <= set(identifiers)
    assert all(attrs.get("alt") for tag, attrs in page.elements if tag == "img")
    assert re.search(r"\b(nan|inf|None)\b", page.text) is None


def test_equal_content_gives_equal_bytes() -> None:
    assert render_report(full_content()) == render_report(full_content())


def test_every_part_of_a_full_run_is_shown() -> None:
    text = Page(render_report(full_content())).text
    headings = ("Scores", "Boundary", "Edits", "Samples", "Regions", "Mask quality", "Timing")
    for heading in (*headings, "Run", "1 unit is quarantined", "2 NaN scores", "higan-cam verify out", "0.948"):
        assert heading in text


def test_curves_name_what_they_are_of() -> None:
    page = Page(render_report(full_content()))
    assert "mask (median 0.50)" in page.text
    assert "moved mask (median 0.00)" in page.text
    assert [attrs["class"] for tag, attrs in page.elements if (attrs.get("class") or "").startswith("line ")] == [
        "line strong",
        "line plain",
    ]


def test_stages_that_have_not_run_leave_no_empty_section() -> None:
    page = Page(render_report(bare_content()))
    assert {i for i in page.values("id") if "-" not in i} == {"top", "samples", "run"}
    assert "No samples yet" in page.text


def test_the_gallery_is_linked_where_there_is_one() -> None:
    assert GALLERY in Page(render_report(full_content())).values("href")
    assert "All 90 samples of the run." in Page(render_report(full_content())).text
    assert GALLERY not in Page(render_report(replace(full_content(), gallery_note=""))).values("href")


def test_text_from_the_run_is_escaped() -> None:
    page = Page(render_report(full_content()))
    assert "Rooms <lit>" in page.text
    assert "lit" not in {tag for tag, _ in page.elements}


def test_a_sample_without_region_says_why_and_draws_no_outline() -> None:
    page = Page(render_report(EVERY_CONTENT["all empty"]))
    assert page.text.count("no cluster of 40 pixels") == 3
    assert not [attrs for _, attrs in page.elements if attrs.get("class") == "outline"]


def test_overlay_reuses_the_positive_picture() -> None:
    page = Page(render_report(full_content()))
    assert [attrs["href"] for tag, attrs in page.elements if tag == "use"] == ["#positive-1", "#positive-2"]


def test_key_figures_are_of_stages_that_ran() -> None:
    assert key_figures(bare_content()) == []
    names = [figure.name for figure in key_figures(full_content())]
    assert names == ["latents labelled", "rank correlation", "samples", "score change", "retention", "wall time"]


def test_nested_metrics_become_one_list() -> None:
    assert flatten({"tail_size": 4, "search": {"1.0": 0.5}}) == [("tail size", "4"), ("search · 1.0", "0.5")]


def test_a_choice_of_attribution_has_a_section_with_the_figures_of_all() -> None:
    page = Page(render_report(ReportContent(title="rooms", attribute="light", run={}, chosen=CHOICE)))
    assert "chosen" in [attributes.get("id") for _, attributes in page.elements]
    for words in ("colour change did best on the edits of 32 samples", "grad cam", "0.400", "0.190 to 0.210"):
        assert words in page.text


def test_refined_masks_have_a_section_with_the_figures_of_both() -> None:
    page = Page(render_report(ReportContent(title="rooms", attribute="light", run={}, refined=REFINED)))
    for text in ("Refined masks", "pilot of 1,024 samples", "0.70", "+0.050", "0.040 to 0.060", "0.812", "120"):
        assert text in page.text
    assert "refined" in [attributes.get("id") for _, attributes in page.elements]
    assert "Refined masks" not in Page(render_report(ReportContent(title="rooms", attribute="light", run={}))).text
