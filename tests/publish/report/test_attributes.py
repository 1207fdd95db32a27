"""The page of several attributes says which edit moved which score, and looks the same every time."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest

from higan_cam.publish.report.attributes import AttributesContent, AttributeView, render_attributes, shade


def content() -> AttributesContent:
    picture = np.full((8, 8, 3), 90, np.uint8)
    views = tuple(
        AttributeView(name, f"{name} (file)", f"../{name}/report/index.html", {"samples": "24"}, ((picture,) * 3,) * 2)
        for name in ("indoor_lighting", "warmth")
    )
    changes = np.array([[1.5, 0.25], [-0.75, 1.25]])
    return AttributesContent("2 attributes", views, changes, np.eye(2), np.full((2, 2), np.nan), 48, ("<one> failed",))


class Cells(HTMLParser):
    """Text of the cells with figures, in order; and every address."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.addresses: list[str] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag == "td" and ("class", "n") in attrs
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.cells.append(data)


def test_rows_are_edits_and_columns_scores() -> None:
    found = Cells(render_attributes(content()))
    assert found.cells[:4] == ["+1.50", "+0.25", "-0.75", "+1.25"]
    assert found.cells[8:] == ["–"] * 4


def test_pictures_are_in_the_page_and_reports_beside_it() -> None:
    page = render_attributes(content())
    outside = [address for address in Cells(page).addresses if not address.startswith("data:")]
    assert outside == ["../indoor_lighting/report/index.html", "../warmth/report/index.html"]
    assert page.count("data:image/png") == 12
    assert page == render_attributes(content())
    assert "&lt;one&gt; failed" in page


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.5, "224, 122, 31, 0.75"), (9.0, "224, 122, 31, 0.75"), (-0.75, "49, 116, 201, 0.38"), (float("nan"), "")],
)
def test_cells_are_as_strong_as_their_values(value: float, expected: str) -> None:
    assert expected in shade(value, 1.5)
    assert bool(expected) == bool(shade(value, 1.5))
