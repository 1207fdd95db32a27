"""The README's table of parity has a row for every layout, and every row is within its tolerance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from higan_cam.generate.layouts import LAYOUTS
from tests.parity.figures import FIGURES

TABLE = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")


def test_every_layout_has_a_figure_and_a_row() -> None:
    assert {layout.name for layout in LAYOUTS} <= set(FIGURES)
    assert re.findall(r"^\| ([^|]+?) \| \d+ \|", TABLE, re.M) == list(FIGURES)


@pytest.mark.parametrize("layout", FIGURES)
def test_a_file_of_the_layout_gives_the_references_numbers(layout: str, parity: Path) -> None:
    found = FIGURES[layout](parity)
    assert 0 < found.largest <= found.tolerance < 1e-3 * found.scale
