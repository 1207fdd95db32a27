"""The planted share of copies is read off, and pictures that nobody trained on are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from higan_cam.measure.generation.copies import copies
from higan_cam.measure.generation.verdicts import CLEAN, NOT_MEASURED
from higan_cam.types import ByteArray

Blobs = Callable[..., ByteArray]
Jitter = Callable[[ByteArray, int], ByteArray]


@pytest.mark.parametrize("planted", [0, 5, 20, 100])
def test_the_planted_share_is_read_off_within_three_points(planted: int, blobs: Blobs, jittered: Jitter) -> None:
    training, count = blobs(500, 1), 4 * planted
    samples = np.concatenate([jittered(training[:count], 2), blobs(400, 3)[count:]])
    found = copies(samples, training, blobs(400, 4))
    assert found.figure == pytest.approx(planted / 100, abs=0.03)
    assert found.value == ("copies" if planted else CLEAN)


def test_the_evidence_is_samples_and_what_they_are_copies_of(blobs: Blobs, jittered: Jitter) -> None:
    training = blobs(500, 1)
    found = copies(np.concatenate([blobs(200, 3), jittered(training[40:60], 2)]), training, blobs(400, 4))
    pairs = found.evidence["pairs"]
    assert {tuple(pair) for pair in pairs} >= {(200 + place, 40 + place) for place in range(20)}


def test_mirror_images_are_copies_where_the_run_mirrors(blobs: Blobs, jittered: Jitter) -> None:
    training = blobs(300, 1)
    samples = jittered(np.ascontiguousarray(training[:100, :, ::-1]), 2)
    assert copies(samples, training, blobs(200, 4)).value == CLEAN
    found = copies(samples, training, blobs(200, 4), mirror=True)
    assert found.value == "copies"
    assert all(found.evidence["mirrored"])
    assert all(i == j for i, j in found.evidence["pairs"])


def test_a_few_held_out_pictures_do_not_accuse(blobs: Blobs) -> None:
    """The closest of 20 is no sharp bound: held-out pictures of another draw fall below it now and then."""
    accused = [copies(blobs(200, seed), blobs(300, 1), blobs(20, 100 + seed)).fault for seed in range(10, 20)]
    assert sum(accused) == 0


def test_without_held_out_pictures_it_cannot_be_said(blobs: Blobs) -> None:
    found = copies(blobs(50, 1), blobs(50, 1), blobs(3, 2))
    assert found.value == NOT_MEASURED
    assert "held-out pictures are needed" in found.words


def test_held_out_pictures_that_were_trained_on_set_no_bound(blobs: Blobs, jittered: Jitter) -> None:
    training = blobs(300, 1)
    doubled = np.concatenate([training[:10], blobs(200, 4)])
    assert copies(jittered(training[:100], 2), training, doubled).value == "copies"
    assert copies(jittered(training[:100], 2), training, training[:50]).value == NOT_MEASURED
