"""Labels of people are read by what learns from them, and fall into parts alike."""

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


def written(folder: Path, body: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(body)
    return path


def test_labels_come_in_the_order_of_their_indices(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = read_labels(written(tmp_path, "index,label\n3,1\n0,0\n3,1\n"), 4)
    assert list(found.items()) == [(0, False), (3, True)]
    assert "1 lines repeat an index" in caplog.text


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("index,label\n", "no labels below the heading"),
        ("index,label\n1,yes\n", "line 2: label 'yes' of index 1"),
        ("0,1\n", "expected the heading index,label"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_option(tmp_path: Path, body: str, told: str) -> None:
    with pytest.raises(ConfigError, match=r"--labels .*labels\.csv") as caught:
        read_labels(written(tmp_path, body), 4)
    assert told in str(caught.value)
    with pytest.raises(ConfigError, match=r"--labels .*none\.csv: cannot be read"):
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
