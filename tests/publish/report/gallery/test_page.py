"""The gallery's page, as text: what it does is tested in a browser (tests/integration/test_report_gallery.py)."""

from __future__ import annotations

import json
import re

from higan_cam.publish.curation.filter import matching
from higan_cam.publish.curation.table import read_samples
from higan_cam.publish.report.gallery.page import FIGURES, render_gallery
from higan_cam.store.store import Store
from tests.publish.report.test_page import Page
from tests.support.samples import commit_run, sample_of

HOSTILE = "</script><script>alert(1)</script><!-- '\""


def test_names_from_the_run_cannot_leave_their_place() -> None:
    html = render_gallery(HOSTILE, f"runs/{HOSTILE}", HOSTILE)
    assert html.count("<script") == render_gallery("light", "runs/demo", "All 3.").count("<script")
    facts = re.search(r'<script type="application/json" id="facts">(.*?)</script>', html)
    assert facts is not None
    assert json.loads(facts[1])["uri"] == f"runs/{HOSTILE}"


def test_the_page_fetches_nothing_and_names_every_control() -> None:
    html = render_gallery("light", "runs/demo", "All 3.")
    assert not re.search(r'(src|href)="(?!index\.html)', html)
    assert "fetch(" not in html
    labelled = [attrs for tag, attrs in Page(re.sub(r"<script.*</script>", "", html, flags=re.DOTALL)).elements]
    assert {"Filters", "Samples", "View", "Previous page"} <= {attrs.get("aria-label") for attrs in labelled}


def test_equal_arguments_give_equal_bytes() -> None:
    assert render_gallery("light", "runs/demo", "All 3.") == render_gallery("light", "runs/demo", "All 3.")


def test_figures_have_names_that_filters_know() -> None:
    known = {figure.name: [0.5] for figure in FIGURES}
    assert all(matching(f"{figure.name} >= 0.5", known).all() for figure in FIGURES)


def test_every_figure_is_one_that_inspect_and_curate_read(store: Store) -> None:
    commit_run(store, [sample_of(0)])
    assert {figure.name for figure in FIGURES} <= set(read_samples(store).columns)
