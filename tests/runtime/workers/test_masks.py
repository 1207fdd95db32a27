"""Masks that are given to `higan-cam light` and `translate`, from a folder or from what a command has left."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from higan_cam.config import StoreConfig, load_config
from higan_cam.errors import ConfigError, DataError
from higan_cam.pictures import PictureRow, list_pictures, open_pictures
from higan_cam.pipeline.lights import lamp_shares
from higan_cam.runtime.light import light
from higan_cam.runtime.workers.masks import checked_masks, masked_unit, open_masks
from higan_cam.store import begin_run, open_store
from higan_cam.types import ByteArray, Recommendation
from tests.support.samples import HASH, begin_photo_run, commit_photos

STORE = StoreConfig()
DARK, WIDE = np.full((24, 24, 3), 60, np.uint8), np.full((20, 40, 3), 60, np.uint8)


def lamp(height: int, width: int) -> ByteArray:
    mask = np.zeros((height, width), np.uint8)
    mask[2:6, 30:34] = 255
    return mask


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """`pictures` (JPEG, one of them in a folder) and `masks` (PNG) of the same names."""
    for name, picture, mask in (("a", DARK, lamp(24, 36)), ("rooms/b", WIDE, lamp(20, 40)), ("c", DARK, DARK * 0)):
        for folder, ending, image in (("pictures", "jpg", picture), ("masks", "png", mask)):
            path = tmp_path / folder / f"{name}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)
    return tmp_path


def answers(place: Path) -> dict[str, Recommendation]:
    source = str(place / "pictures")
    rows, given = list(list_pictures(source)), open_masks(str(place / "masks"), STORE)
    return {each.key: each for each in masked_unit(given, rows, open_pictures(source).read)}


def test_all_of_a_mask_is_one_lamp_at_the_very_pixels(place: Path) -> None:
    found = answers(place)["rooms/b.jpg"]
    assert (found.status, len(found.places)) == ("ok", 1)
    (share,) = lamp_shares(found)
    np.testing.assert_array_equal(share, lamp(20, 40) / np.float32(255))
    middle, (x, y) = found.places[0], (32 / 40, 4 / 20)
    assert (middle.x, middle.y) == pytest.approx((x, y))
    assert (middle.left, middle.top, middle.width, middle.height) == pytest.approx((30 / 40, 2 / 20, 0.1, 0.2))


def test_a_mask_of_another_size_or_without_a_lamp_is_a_row_that_says_so(place: Path) -> None:
    found = answers(place)
    assert {key: each.status for key, each in found.items()} == {
        "a.jpg": "empty",
        "rooms/b.jpg": "ok",
        "c.jpg": "empty",
    }
    assert found["a.jpg"].reason == "its mask is 36 x 24 px, the picture 24 x 24; make both one size"
    assert "all black" in found["c.jpg"].reason


def test_a_picture_without_a_mask_is_named_before_anything_is_written(place: Path) -> None:
    (place / "masks" / "rooms" / "b.png").unlink()
    settings = [f"source.pictures={place / 'pictures'}", "source.kind=pictures", f"light.masks={place / 'masks'}"]
    with pytest.raises(ConfigError, match=r"light\.masks: .*masks has no mask for rooms/b\.jpg; add masks"):
        light(load_config(None, [*settings, "light.gains=[1]"], output=str(place / "lit")))
    for more in ("light.lamps=2", f"light.places={place}"):
        with pytest.raises(ConfigError, match=r"leave light\.places and the composer pair out"):
            light(load_config(None, [*settings, "light.gains=[1]", more], output=str(place / "lit")))
    assert not (place / "lit").exists()


def test_other_masks_are_another_fingerprint_and_a_name_twice_is_refused(place: Path) -> None:
    rows = [PictureRow(0, "a.jpg", 1, "x")]
    before = checked_masks(str(place / "masks"), STORE, rows).fingerprint
    cv2.imwrite(str(place / "masks" / "a.png"), 255 - lamp(24, 24))
    assert checked_masks(str(place / "masks"), STORE, rows).fingerprint != before
    cv2.imwrite(str(place / "masks" / "a.bmp"), lamp(24, 24))
    with pytest.raises(ConfigError, match=r"a\.bmp and a\.png are one name"):
        open_masks(str(place / "masks"), STORE)


def test_what_is_transparent_in_a_mask_is_no_lamp(place: Path) -> None:
    white = np.full((20, 40, 3), 255, np.uint8)
    cv2.imwrite(str(place / "masks/rooms/b.png"), np.dstack([white, lamp(20, 40)]))
    found = answers(place)["rooms/b.jpg"].mask
    assert found is not None
    np.testing.assert_array_equal(found, lamp(20, 40))


def test_rows_of_one_parquet_file_have_masks_of_their_own(place: Path) -> None:
    bodies = [cv2.imencode(".png", mask)[1].tobytes() for mask in (lamp(24, 36), DARK * 0)]
    pq.write_table(pa.table({"image": bodies}), place / "x.parquet")
    rows = list(list_pictures(str(place / "x.parquet")))
    both = open_masks(str(place / "x.parquet"), STORE)
    assert [bool(np.any(mask)) for mask in both.masks(rows)] == [True, False]
    cv2.imwrite(str(place / "masks/x.png"), lamp(24, 36))
    cv2.imwrite(str(place / "masks/x.parquet#1.png"), lamp(24, 36))
    assert open_masks(str(place / "masks"), STORE).lacking(row.key for row in rows) == ["x.parquet#0"]


def test_a_place_without_masks_is_said_of_the_masks() -> None:
    with pytest.raises(ConfigError, match=r"^light\.masks \(option --masks\): \S*/nowhere: no such folder or file"):
        open_masks("/nowhere", STORE)


def test_a_photo_that_a_run_could_not_read_is_a_row_that_says_so_and_a_run_is_taken_when_it_is_finished(
    place: Path,
) -> None:
    pictures, store = place / "pictures", open_store(str(place / "run"))
    rows, config = list(list_pictures(str(pictures))), begin_photo_run(store, pictures)
    assert [row.key for row in rows] == ["a.jpg", "c.jpg", "rooms/b.jpg"]
    commit_photos(store, config, 0, rows[:2], {"c.jpg": lamp(24, 24)})
    with pytest.raises(DataError, match=r"light\.masks: .*has masks of 1 of 2 units; the same `run` goes on"):
        open_masks(store.uri, STORE)
    commit_photos(store, config, 1, rows[2:], {"rooms/b.jpg": lamp(20, 40)})
    given = checked_masks(store.uri, STORE, rows)
    found = {each.key: each for each in masked_unit(given, rows, open_pictures(str(pictures)).read)}
    assert {key: each.status for key, each in found.items()} == {
        "a.jpg": "empty",
        "c.jpg": "empty",  # its lamp lies beyond 24 px: black, as it was drawn
        "rooms/b.jpg": "ok",
    }
    assert found["a.jpg"].reason == "the run could not read it: cut off"
    with pytest.raises(ConfigError, match=r"has no mask for d\.jpg;"):
        checked_masks(store.uri, STORE, [PictureRow(0, "d.jpg", 1, "x")])


def test_lit_pictures_are_no_masks_though_a_generator_drew_their_light(place: Path) -> None:
    said = [f"source.pictures={place / 'pictures'}", "source.kind=pictures", "light.gains=[1]", "light.composer=pair"]
    begin_run(open_store(str(place / "lit")), load_config(None, said), {"places": HASH, "generator": HASH})
    with pytest.raises(ConfigError, match=r"light\.masks: .*lit is an output of `light`, which has no masks"):
        open_masks(str(place / "lit"), STORE)
