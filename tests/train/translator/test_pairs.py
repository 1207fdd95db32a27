"""What a translator is shown: pairs of a run, of folders and of rendered rooms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError, DataError
from higan_cam.generate.images import to_uint8
from higan_cam.relight import RESPONSES
from higan_cam.rooms.photos import PHOTO_SEED, TUNING_SEED
from higan_cam.rooms.render import render
from higan_cam.rooms.scene import LAMPS, scene_of
from higan_cam.rooms.switched import DRAWS, lamps_on, switch_on, whole
from higan_cam.train.translator.pairs import Stored, StoredPairs
from higan_cam.train.translator.reading import read_pairs
from higan_cam.train.translator.rendered import TRAINING_SEED, RenderedPairs
from higan_cam.train.translator.settings import TranslatorSettings
from tests.train.inpaint.planted import DARK, GAIN, SIDE

Settings = Callable[..., TranslatorSettings]


def test_a_run_gives_its_two_ends_and_its_test_split_apart(small: Settings) -> None:
    read = read_pairs(small())
    assert (len(read.train), len(read.held_out)) == (17, 6)  # sample 4 has no mask
    lit = read.train.masks == 255
    assert (read.train.off == DARK).all()
    assert (read.train.on[lit] == DARK + GAIN).all()
    assert (read.train.on[~lit] == DARK).all()


def write(folder: Path, name: str, level: int, size: tuple[int, int] = (20, 30)) -> None:
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / name), np.full((*size, 3), level, np.uint8))


def test_folders_of_one_name_are_pairs_whatever_their_endings(small: Settings, tmp_path: Path) -> None:
    places = tuple(str(tmp_path / name) for name in ("off", "on", "masks"))
    for number in range(10):
        for place, level, ending in zip(places, (10 + number, 100, 255), ("jpg", "png", "png"), strict=True):
            write(Path(place), f"{number}.{ending}", level)
    read = read_pairs(small(kind="folders", datasets=places, apart=0.2))
    assert (len(read.train), len(read.held_out)) == (8, 2)
    assert read.train.off.shape == (8, SIDE, SIDE, 3)
    assert read.held_out.off[:, 0, 0, 0].tolist() == [10, 19]
    write(Path(places[0]), "more.png", 0)
    with pytest.raises(ConfigError, match="1 names are not in all of them: more"):
        read_pairs(small(kind="folders", datasets=places))
    write(Path(places[1]), "more.png", 0, (20, 20))
    write(Path(places[2]), "more.png", 0)
    with pytest.raises(DataError, match="more: the pictures of a pair must be of one size"):
        read_pairs(small(kind="folders", datasets=places))


def test_a_pair_is_its_off_picture_and_the_light_that_is_missing() -> None:
    draw = np.random.Generator(np.random.Philox(5))
    off, on = (draw.integers(0, 256, (6, 8, 8, 3)).astype(np.uint8) for _ in range(2))
    stored = Stored(off, on, np.zeros((6, 8, 8), np.uint8))
    batch = StoredPairs(stored, RESPONSES["srgb"], 0, dial=False, mirror=False).draw(range(6))
    made = RESPONSES["srgb"].light(to_uint8(batch.pictures)) + batch.light.permute(0, 2, 3, 1).numpy()
    rows = [int(np.flatnonzero((off == shown).all(axis=(1, 2, 3)))[0]) for shown in to_uint8(batch.pictures)]
    assert sorted(rows) == list(range(6))
    np.testing.assert_array_equal(RESPONSES["srgb"].display(made), np.maximum(off, on)[rows])


def test_what_is_shown_is_a_function_of_seed_and_place() -> None:
    pairs = RenderedPairs(32, 0, dial=True, mirror=True)
    whole_batch, part = pairs.draw(range(8)), pairs.draw(range(3, 5))
    for name in ("pictures", "masks", "gains", "light"):
        assert torch.allclose(getattr(whole_batch, name)[3:5], getattr(part, name), atol=1e-6), name
    assert not torch.equal(RenderedPairs(32, 1, dial=True, mirror=True).draw(range(3, 5)).pictures, part.pictures)


def test_a_dial_multiplies_the_light_and_nothing_else() -> None:
    plain, turned = (RenderedPairs(32, 0, dial=dial, mirror=False).draw(range(12)) for dial in (False, True))
    assert torch.equal(plain.pictures, turned.pictures)
    assert torch.allclose(turned.light, plain.light * turned.gains[:, None, None, None])
    assert float(turned.gains.max()) > 1 > float(turned.gains.min()) > 0


def test_a_mirror_image_turns_everything_and_keeps_the_numbers() -> None:
    plain, turned = (RenderedPairs(32, 0, dial=False, mirror=mirror).draw(range(12)) for mirror in (False, True))
    flipped = [not torch.equal(a, b) for a, b in zip(plain.light, turned.light, strict=True)]
    assert 2 < sum(flipped) < 11
    for name in ("pictures", "masks", "light"):
        for before, after, moved in zip(getattr(plain, name), getattr(turned, name), flipped, strict=True):
            assert torch.equal(before.flip(2) if moved else before, after)


def test_unlit_picture_and_light_make_the_room_as_it_is_rendered() -> None:
    latents = np.random.Generator(np.random.Philox(9)).standard_normal((12, 128))
    scene = whole(scene_of(latents * np.sqrt(128) / np.linalg.norm(latents, axis=1, keepdims=True)))
    burning = scene.present > 0
    lit = scene.__class__(**{**vars(scene), "drive": np.full_like(scene.drive, 2.0)})
    rooms, units = switch_on(scene, burning, 32), RESPONSES["film"]
    made = units.display(units.light(rooms.unlit) + rooms.light.permute(0, 2, 3, 1).numpy())
    difference = np.abs(made.astype(int) - to_uint8(render(lit, 32)))
    assert difference.max() <= 3  # the unlit picture has 8 bits, which count for more in the dark
    assert float(np.mean(difference)) < 0.3


def test_a_lamp_at_least_comes_on_and_none_that_is_not_there() -> None:
    draws = np.random.Generator(np.random.Philox(1)).random((400, DRAWS))
    present = np.zeros(len(LAMPS), bool)
    assert not lamps_on(present, draws[0]).any()
    present[[1, 4, 6]] = True
    found = np.stack([lamps_on(present, each) for each in draws])
    assert found.any(axis=1).all()
    assert not found[:, ~present].any()
    assert 0.55 < found[:, present].mean() < 0.7


def test_rooms_of_figures_are_never_trained_on() -> None:
    assert all(not TRAINING_SEED <= seed < TRAINING_SEED + 2**32 for seed in (PHOTO_SEED, TUNING_SEED))
    with pytest.raises(ConfigError, match="seed"):
        TranslatorSettings(output="x", seed=2**32)
