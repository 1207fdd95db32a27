"""Labels of people are read whatever wrote them, and what cannot be used is told by its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.errors import ConfigError
from higan_cam.train.labeller.labels import read_labels
from higan_cam.train.labeller.parts import CALIBRATION, HELD_OUT, parts_of
from higan_cam.train.labeller.settings import LabellerSettings


def written(folder: Path, body: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return path


@pytest.mark.parametrize(
    "body",
    [
        b"index,label\n3,1\n0,0\n",
        b"index,label\r\n3,1\r\n\r\n0,0\r\n",
        b"\xef\xbb\xbfindex,label\n3,1\n0,0",
        "index,label\n3,1\n0,0\n".encode("utf-16"),
        b"note;label;Index\nsch\xf6n;1;3\n;0;0\n",
        b"index,label\n3,1\n0,0\n3,1\n",
    ],
)
def test_labels_are_read_whatever_wrote_them(tmp_path: Path, body: bytes) -> None:
    assert read_labels(written(tmp_path, body), 4) == {0: False, 3: True}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "line 1 has 'nothing'; expected the heading index,label"),
        ("0,1\n1,0\n", "line 1 has '0,1'; expected the heading index,label"),
        ("index,label,label\n0,1,1\n", "expected the heading"),
        ("index,label\n", "no labels below the heading"),
        ("index,label\n4,1\n", "line 2: index 4; the run has the latents 0 to 3"),
        ("index,label\n-1,1\n", "line 2: index '-1'; expected a whole number from 0 to 3"),
        ("index,label\n1.0,1\n", "line 2: index '1.0'"),
        (f"index,label\n{'9' * 5000},1\n", "the run has the latents 0 to 3"),
        ("index,label\n1,2\n", "line 2: label '2' of index 1; expected 0 or 1"),
        ("index,label\n1,yes\n", "label 'yes' of index 1"),
        ("index,label\n1\n", "label '' of index 1"),
        ("index,label\n1,0\n2,1\n1,1\n", "line 4: index 1 has label 1 here and 0 in line 2"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as a table"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_line(tmp_path: Path, body: str | bytes, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_labels(written(tmp_path, body), 4)
    assert told in str(caught.value)
    assert "--labels" in str(caught.value)


def test_bad_lines_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_labels(written(tmp_path, "index,label\n" + "x,1\n" * 25), 4)
    assert "25 of 25 lines cannot be used" in str(caught.value)
    assert "and 5 more" in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_labels(tmp_path / "none.csv", 4)


def settings_of(folds: int, seed: int = 0) -> LabellerSettings:
    return LabellerSettings(output="", negative=("a",), positive=("b",), folds=folds, seed=seed)


@given(st.integers(2, 6), st.integers(9, 60), st.integers(9, 60), st.integers(0, 9))
def test_parts_have_each_label_in_like_shares_and_differ_by_one(folds: int, zeros: int, ones: int, seed: int) -> None:
    labels = np.arange(zeros + ones) >= zeros
    parts = parts_of(labels, settings_of(folds, seed))
    for label in (False, True):
        counts = np.bincount(parts[(labels == label) & (parts >= 0)], minlength=folds)
        assert np.ptp(counts) <= 1
        for part, share in ((HELD_OUT, 0.2), (CALIBRATION, 0.1)):
            assert abs(int(np.sum(parts[labels == label] == part)) - share * np.sum(labels == label)) <= 0.5
    assert np.ptp(np.bincount(parts[parts >= 0], minlength=folds)) <= 1
    np.testing.assert_array_equal(parts, parts_of(labels, settings_of(folds, seed)))


@pytest.mark.parametrize(
    ("ones", "told"), [(0, "all 15 are 0"), (15, "all 15 are 1"), (3, "3 of 15 are 1, too few for 5")]
)
def test_too_few_of_a_label_say_what_to_do(ones: int, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parts_of(np.arange(15) < ones, settings_of(5))
