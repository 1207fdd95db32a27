"""The sheet shows each sample's pictures as they are, and what is written beside them fits."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.publish.images import decode_image
from higan_cam.publish.sheets.contact_sheet import PANELS, Section, Tile, draw_sheet, panel_side, panels
from higan_cam.types import ByteArray


def tile_of(size: int = 32, lines: tuple[str, ...] = ("retention 0.9", "a bright bedroom")) -> Tile:
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4 : size // 2, size // 4 : size // 2] = 255
    strong = np.full((size, size, 3), (240, 120, 60), np.uint8)
    return Tile("0-000000001", strong, np.full_like(strong, 30), mask / 255.0, mask, lines)


def sheet_of(*sections: Section) -> ByteArray:
    return decode_image(draw_sheet("lights", ["runs/demo"], sections))


def colours(image: ByteArray) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}


@pytest.mark.parametrize(("longest", "side"), [(16, 128), (100, 192), (128, 128), (190, 190), (256, 192), (1024, 192)])
def test_small_pictures_are_enlarged_by_whole_numbers_and_large_ones_reduced(longest: int, side: int) -> None:
    assert panel_side(longest) == side


def test_the_mask_panel_keeps_the_inside_and_darkens_the_rest() -> None:
    strong, weak, heat, masked = panels(tile_of(), 128)
    assert {panel.shape for panel in (strong, weak, heat, masked)} == {(128, 128, 3)}
    assert masked[48, 48].tolist() == [240, 120, 60]
    assert masked[5, 5].tolist() == [80, 40, 20]
    assert masked[32, 40].tolist() == [255, 214, 10]
    assert heat[48, 48].sum() > 400 > heat[5, 5].sum()
    assert len(PANELS) == 4


def test_pictures_are_on_the_sheet_unchanged() -> None:
    sheet = sheet_of(Section("Best", (tile_of(),)))
    assert {(240, 120, 60), (30, 30, 30), (80, 40, 20), (255, 214, 10)} <= colours(sheet)


def test_the_sheet_grows_with_its_rows_of_tiles() -> None:
    heights = [sheet_of(Section("Best", (tile_of(),) * count)).shape[0] for count in (1, 2, 3)]
    assert heights[0] == heights[1] < heights[2]
    assert len({sheet_of(Section("Best", (tile_of(),) * count)).shape[1] for count in (1, 3)}) == 1


def test_an_empty_section_is_headed_and_says_so() -> None:
    assert sheet_of(Section("Best", ())).shape[0] > sheet_of().shape[0]
    assert not np.array_equal(sheet_of(Section("A", (), "none")), sheet_of(Section("A", (), "all")))


def test_long_and_foreign_text_stays_in_its_place() -> None:
    plain, long = (sheet_of(Section("Best", (tile_of(lines=(text,)),))) for text in ("x", "wide Ω 灯\n" * 400))
    assert plain.shape == long.shape
    blank = plain[:, -18:]
    assert np.array_equal(blank, long[:, -18:])


def test_the_same_samples_give_the_same_bytes() -> None:
    sections = [Section("Best", (tile_of(),))]
    assert draw_sheet("a", [], sections) == draw_sheet("a", [], sections)
