"""Agreement of a run's masks in bins; what it was worth on rooms is shown for the embedded networks alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from higan_cam.config import parse_config
from higan_cam.measure.agreement import AgreementCurve, curve_of
from higan_cam.publish.report import overlap
from higan_cam.publish.report.overlap import EDGES, MEASURED, overlap_bins
from higan_cam.publish.report.photos import LISTED, Without

PHOTOS = {"source": {"kind": "pictures", "pictures": "photos"}}
VALUES = np.array([0.0, 0.39, 0.4, 0.79, 0.8, 1.0, np.nan])


def test_each_picture_is_in_one_bin_and_those_without_agreement_are_in_none() -> None:
    assert [each.pictures for each in overlap_bins(VALUES, parse_config(PHOTOS))] == [2, 1, 0, 0, 1, 2]


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgreementCurve:
    """A curve as the job writes it, where embedded files lie."""
    draw = np.random.Generator(np.random.Philox(4)).uniform(0.45, 1, 50)
    curve = curve_of(draw, draw**2, ("G1",), 0)
    (tmp_path / "curve.json").write_text(json.dumps(curve.to_json()))
    monkeypatch.setattr(overlap, "embedded_path", lambda name: {MEASURED: tmp_path / "curve.json"}[name])
    return curve


def test_rooms_bring_what_was_measured_on_rooms(measured: AgreementCurve) -> None:
    known = {each.low: each for each in measured.bins}
    assert EDGES[0] not in known
    for each in overlap_bins(VALUES, parse_config(PHOTOS)):
        there = known.get(each.low)
        assert (each.known, each.iou) == ((0, None) if there is None else (there.count, there.iou))


def test_other_networks_bring_nothing(measured: AgreementCurve) -> None:
    other = parse_config(PHOTOS | {"student": {"weights": "mine.safetensors"}})
    assert {each.iou for each in overlap_bins(VALUES, other)} == {None}
    assert len({each.iou for each in overlap_bins(VALUES, parse_config(PHOTOS))}) > 1


def test_without_any_agreement_there_are_no_bins() -> None:
    assert overlap_bins(np.full(3, np.nan), parse_config(PHOTOS)) == ()
    assert overlap_bins(np.zeros(0), parse_config(PHOTOS)) == ()


def test_what_cannot_be_read_is_listed_before_what_has_no_place() -> None:
    without = Without()
    for index in range(2 * LISTED):
        without.add(f"{index} flat", "empty", "flat")
    without.add("cut off", "unreadable", "breaks off")
    assert without.listed[0] == ("cut off", "unreadable", "breaks off")
    assert (len(without.listed), without.total) == (LISTED, 2 * LISTED + 1)
