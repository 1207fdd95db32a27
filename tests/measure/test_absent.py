"""Empty slots are known, and what is lit is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from higan_cam.generate import sample_latents
from higan_cam.measure.absent import (
    AbsentLamps,
    absent_figures,
    absent_lamps,
    heat_of_layouts,
    layouts_of,
    light_of_layouts,
    place_figures,
)
from higan_cam.rooms.photos import photo_latent, photos
from higan_cam.rooms.scene import Z_DIM, scene_of
from higan_cam.store import committed, open_store, read_run
from higan_cam.store.keys import DATA
from tests.support.samples import commit_run, sample_of

SEED, COUNT = 2**61 + 6, 4


@pytest.fixture(scope="module")
def known() -> AbsentLamps:
    """Four rooms with empty slots."""
    return absent_lamps(SEED, COUNT, 64)


def test_absent_light_is_nowhere_lit_and_somewhere(known: AbsentLamps) -> None:
    assert not (known.absent & known.lit).any()
    assert known.absent.any(axis=(1, 2)).all()
    assert known.images.shape == (COUNT, 64, 64, 3)


def test_figures_are_of_what_is_not_lit(known: AbsentLamps) -> None:
    heats = {
        "truth": known.absent.astype(np.float32),
        "truth and what is lit": (known.absent | known.lit).astype(np.float32),
        "constant": np.ones((1, 8, 8), np.float32),
    }
    figures = absent_figures(heats, known, 0)
    assert figures["truth"].value == figures["truth and what is lit"].value == 1
    share = known.absent.sum(axis=(1, 2)) / (~known.lit).sum(axis=(1, 2))
    assert figures["constant"].value == pytest.approx(share.mean())


def test_rooms_have_lamps_and_lack_some(known: AbsentLamps) -> None:
    scene = scene_of(np.stack([photo_latent(SEED, index) for index in range(40)]))
    usable = (scene.present > 0.5).any(axis=1) & ~(scene.present > 0.5).all(axis=1)
    assert usable.sum() >= COUNT


def test_places_in_the_light_of_absent_lamps_are_hits_and_no_place_is_a_miss(known: AbsentLamps) -> None:
    large = known.absent.repeat(4, axis=1).repeat(4, axis=2)
    right = [(mask.astype(np.float32), mask) for mask in large]
    figures = place_figures(right, known, 0)
    assert figures["iou"].value == 1
    assert figures["first"].value >= 0.75  # the middle of bent light may lie beside it
    nowhere = [(np.zeros((64, 64), np.float32), np.zeros((64, 64), np.bool_))] * COUNT
    assert {each.value for each in place_figures(nowhere, known, 0).values()} == {0.0}
    lit = [(mask.astype(np.float32), mask) for mask in known.lit.repeat(4, axis=1).repeat(4, axis=2)]
    assert place_figures(lit, known, 0)["first"].value == 0


def test_light_of_a_layout_is_that_of_its_rooms_alone() -> None:
    light = light_of_layouts(SEED, 12, 64)
    rooms = list(photos(SEED, 12, "G1", size=64))
    layout = layouts_of(np.stack([room.latent for room in rooms]))
    assert set(layout.tolist()) == {0, 1}
    for each in (0, 1):
        wanted = np.mean([room.lit for room, of in zip(rooms, layout, strict=True) if of == each], axis=0)
        np.testing.assert_allclose(light[each], wanted, rtol=1e-6)


def test_heat_of_a_layout_is_that_of_its_samples_with_a_mask(tmp_path: Path) -> None:
    """The latents of the samples say it, not their pictures, which are noise here."""
    layout = layouts_of(sample_latents(range(6), 0, Z_DIM))
    samples = [
        replace(sample_of(index, 16), heat=np.full((16, 16), (1 + of) / 4, np.float32))
        for index, of in enumerate(layout.tolist())
    ]
    samples[0] = replace(samples[0], status="empty", heat=np.ones((16, 16), np.float32))
    store = open_store(tmp_path)
    commit_run(store, samples)
    shards = committed(store, DATA, str(read_run(store)["config_hash"])).values()
    assert {1, 0} == set(layout[1:].tolist())
    np.testing.assert_allclose(heat_of_layouts(store, shards, 0, 8)[:, 0, 0], (0.25, 0.5), atol=0.01)
