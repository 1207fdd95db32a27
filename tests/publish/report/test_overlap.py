"""Agreement of a run's masks in bins; what it was worth on rooms is shown for the embedded networks alone."""

from __future__ import annotations

import json

import numpy as np

from higan_cam.config import parse_config
from higan_cam.publish.report.overlap import EDGES, MEASURED, overlap_bins
from higan_cam.publish.report.photos import LISTED, Without
from higan_cam.types import Interval
from higan_cam.weights.embedded import embedded_path

PHOTOS = {"source": {"kind": "pictures", "pictures": "photos"}}
VALUES = np.array([0.0, 0.39, 0.4, 0.79, 0.8, 1.0, np.nan])


def test_each_picture_is_in_one_bin_and_those_without_agreement_are_in_none() -> None:
    assert [each.pictures for each in overlap_bins(VALUES, parse_config(PHOTOS))] == [2, 1, 0, 0, 1, 2]


def test_rooms_bring_what_was_measured_on_rooms() -> None:
    known = {each["low"]: each for each in json.loads(embedded_path(MEASURED).read_bytes())["bins"]}
    assert known
    assert set(known) <= set(EDGES)
    for each in overlap_bins(VALUES, parse_config(PHOTOS)):
        there = known.get(each.low)
        assert (each.known, each.iou) == ((0, None) if there is None else (there["count"], Interval(**there["iou"])))


def test_other_networks_bring_nothing() -> None:
    other = parse_config(PHOTOS | {"student": {"weights": "mine.safetensors"}})
    assert {each.iou for each in overlap_bins(VALUES, other)} == {None}


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
