"""Photos are renders with known truth, in grades of difficulty, and depend on (seed, index) alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from higan_cam.generate import sample_latents
from higan_cam.rooms.photos import GRADES, Grade, Lamps, photo, photo_latent, photo_scene, photos, unseen_tints
from higan_cam.rooms.render import PALETTE, palette, render
from higan_cam.rooms.scene import scene_of
from higan_cam.rooms.truth import truth

SEED = 2**61 + 5


def test_latents_are_those_of_a_run_with_this_seed() -> None:
    ours = np.stack([photo_latent(SEED, index) for index in range(4)])
    np.testing.assert_array_equal(ours, sample_latents(range(4), SEED, 128))


def test_a_clean_photo_is_the_render_and_its_truth() -> None:
    found = photo(SEED, 3, "G1", size=64)
    shown = render(found.latent[None], 64)[0].permute(1, 2, 0).numpy()
    known = truth(found.latent[None], 64)
    assert np.abs(found.image / 127.5 - 1 - shown).max() < 0.005
    np.testing.assert_array_equal(found.light, known.light[0].sum(dim=0).numpy())
    np.testing.assert_array_equal(found.shades, known.fixture[0].numpy())
    np.testing.assert_array_equal(found.moved, [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("grade", GRADES)
@pytest.mark.parametrize("lamps", [True, False])
def test_a_photo_depends_on_seed_and_index_alone(grade: Grade, lamps: bool) -> None:
    first, again = (photo(SEED, 7, grade, lamps, size=64) for _ in range(2))
    for name in ("image", "light", "shades", "moved"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (photo(SEED, 8, grade, lamps, size=64).image != first.image).any()


def test_the_truth_moves_with_the_picture() -> None:
    compared = 0
    for index in (1, 2, 4):
        clean, taken = photo(SEED, index, "G1"), photo(SEED, index, "G2")
        for before, after in zip(clean.shades, taken.shades, strict=True):
            rows, columns = np.nonzero(before)
            if before.any() and min(rows.min(), columns.min()) > 8 and max(rows.max(), columns.max()) < 120:
                middle = taken.moved @ [columns.mean(), rows.mean(), 1.0]
                there_rows, there_columns = np.nonzero(after)
                np.testing.assert_allclose([there_columns.mean(), there_rows.mean()], middle, atol=0.5)
                compared += 1
    assert compared >= 3


def test_a_taken_photo_is_like_its_room_once_moved_back() -> None:
    clean, taken = photo(SEED, 2, "G1"), photo(SEED, 2, "G2")
    x, y = np.rint(taken.moved[:, 2]).astype(int)
    apart = np.abs(np.roll(clean.image.astype(int), (y, x), (0, 1)) - taken.image)[8:-8, 8:-8].mean()
    assert apart < np.abs(clean.image.astype(int) - photo(SEED, 1, "G2").image)[8:-8, 8:-8].mean() / 2


def test_without_lamps_it_is_darker_and_the_truth_is_what_they_would_add() -> None:
    dark, lit = photo(SEED, 3, "G1", lamps=False), photo(SEED, 3, "G1")
    scene = scene_of(lit.latent[None])
    full = render(replace(scene, drive=np.ones_like(scene.drive)))[0].permute(1, 2, 0).numpy()
    rise = (full + 1) / 2 - dark.image / 255
    assert (rise[dark.lit] > 0.02).all()
    np.testing.assert_array_equal(dark.shades, lit.shades)
    assert (dark.light >= lit.light - 1e-6).all()  # light adds less where there is light


def test_unseen_colours_change_the_colours_and_not_the_room() -> None:
    plain, odd = photo(SEED, 5, "G2"), photo(SEED, 5, "G3")
    np.testing.assert_array_equal(plain.moved, odd.moved)
    np.testing.assert_array_equal(plain.shades, odd.shades)
    assert np.abs(plain.image.astype(int) - odd.image).mean() > 5


def test_unseen_colours_are_out_of_reach_of_any_latent() -> None:
    drawn = np.stack([unseen_tints(np.random.default_rng(seed)) for seed in range(200)])[:, PALETTE.index("wall")]
    warmth, lightness = np.meshgrid(np.linspace(0, 1, 11), np.linspace(0.72, 1.12, 11))
    low, high = np.array([0.60, 0.68, 0.78]), np.array([0.82, 0.72, 0.58])
    seen = ((low + (high - low) * warmth[..., None]) * lightness[..., None]).reshape(-1, 3)
    nearest = np.linalg.norm(drawn[:, None] - seen, axis=-1).min(axis=1)
    assert (nearest > 0.1).mean() > 0.9


def test_tints_take_the_place_of_the_palette() -> None:
    latent = photo_latent(SEED, 0)
    usual, odd = (photo_scene(SEED, 0, latent, grade) for grade in ("G1", "G3"))
    assert odd.tints is not None
    assert tuple(palette(usual)) == PALETTE
    same = replace(usual, tints=torch.cat(list(palette(usual).values()), dim=2).sqrt()[..., 0].permute(0, 2, 1).numpy())
    torch.testing.assert_close(render(same, 32), render(usual, 32), atol=1e-5, rtol=0)
    kept = odd.take(np.array([0])).tints
    assert kept is not None
    np.testing.assert_array_equal(kept, odd.tints)


def test_every_room_in_a_set_shows_a_lamp_and_grades_show_the_same_rooms() -> None:
    clean = list(photos(SEED, 6, "G1", size=64))
    taken = list(photos(SEED, 6, "G2", lamps=False, size=64))
    assert all(each.shades.any() and each.lit.any() for each in clean)
    assert [each.latent.tolist() for each in clean] == [each.latent.tolist() for each in taken]


def test_a_photo_with_all_lamps_on_is_the_unlit_one_with_light_added() -> None:
    burning: tuple[Lamps, ...] = (False, True, "all")
    unlit, usual, lit = (list(photos(SEED, 3, "G1", lamps, size=64)) for lamps in burning)
    for dark, some, bright in zip(unlit, usual, lit, strict=True):
        assert (bright.image >= some.image).all()
        assert (some.image >= dark.image).all()
        gained = bright.image.astype(int).sum(axis=2) - dark.image.astype(int).sum(axis=2)
        assert gained[bright.lit].min() > gained[~bright.lit].mean()


def test_another_grade_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="G1, G2, G3"):
        photo(SEED, 0, "G4")  # type: ignore[arg-type]


def test_a_negative_index_is_refused() -> None:
    with pytest.raises(ValueError, match="index must be in"):
        photo(SEED, -1, "G1")
