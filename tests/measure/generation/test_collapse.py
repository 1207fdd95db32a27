"""A generator that repeats itself is found, one that does not is not, and one without contrast is another matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from higan_cam.measure.generation.collapse import collapse
from higan_cam.measure.generation.verdicts import CLEAN, NOT_MEASURED
from higan_cam.types import ByteArray

Blobs = Callable[..., ByteArray]
Jitter = Callable[[ByteArray, int], ByteArray]


@pytest.mark.parametrize("different", [1, 2, 20, 400])
def test_few_pictures_drawn_again_and_again_are_found_with_their_number(
    different: int, blobs: Blobs, jittered: Jitter
) -> None:
    chosen = np.random.default_rng(different).integers(0, different, 400)
    found = collapse(jittered(blobs(different, 1)[chosen], 2), blobs(800, 3))
    assert found.value == "collapsed"
    assert different <= found.evidence["support_at_most"] * 1.5
    assert found.evidence["support_at_most"] <= 3 * different


def test_the_evidence_is_pairs_of_one_picture(blobs: Blobs, jittered: Jitter) -> None:
    chosen = np.random.default_rng(0).integers(0, 200, 300)
    pairs = collapse(jittered(blobs(200, 1)[chosen], 2), blobs(600, 3)).evidence["pairs"]
    assert len(pairs) == 24
    assert all(i < j and chosen[i] == chosen[j] for i, j in pairs)


@pytest.mark.parametrize("seed", range(5))
def test_different_pictures_are_clean(seed: int, blobs: Blobs) -> None:
    found = collapse(blobs(300, 10 + seed), blobs(600, 3))
    assert found.value == CLEAN
    assert found.interval is not None
    assert found.interval.low <= found.figure <= found.interval.high


def test_samples_of_little_contrast_have_not_collapsed(blobs: Blobs) -> None:
    pale = (blobs(300, 5) * 0.5 + 60).astype(np.uint8)
    assert collapse(pale, blobs(600, 3)).value == CLEAN


def test_repeated_real_pictures_do_not_hide_a_collapse(blobs: Blobs) -> None:
    reals = np.concatenate([blobs(600, 3), blobs(50, 3)])
    found = collapse(np.repeat(blobs(3, 1), 50, axis=0), reals)
    assert found.value == "collapsed"
    assert "50 real pictures are repeated" in found.words


def test_with_few_reals_nothing_is_said(blobs: Blobs) -> None:
    found = collapse(np.repeat(blobs(1, 1), 80, axis=0), np.repeat(blobs(40, 3), 5, axis=0))
    assert found.value == NOT_MEASURED
    assert "there are 40 and 80" in found.words
