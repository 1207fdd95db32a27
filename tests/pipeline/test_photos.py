"""The flow of a run on pictures, piece by piece: where things lie, which scores edits go to, what a poor code makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import RunConfig, config_hash, parse_config
from higan_cam.errors import DataError
from higan_cam.invert.camera import placed, placed_affine
from higan_cam.mask import decode_rle
from higan_cam.mask.shapes import encode_rle
from higan_cam.pictures import Affine, Picture, PictureRow, Unreadable, to_picture
from higan_cam.pipeline import Models, load_models, w_plus_of
from higan_cam.pipeline.flow import attribute
from higan_cam.pipeline.photos import (
    UnitPictures,
    in_picture,
    photo_samples,
    readable,
    with_codes,
    with_photos,
    with_targets,
)
from higan_cam.pipeline.recommend import resampled
from higan_cam.publish import encode_shard
from higan_cam.types import Boundary, ByteArray, PictureCode
from tests.publish.test_codes import code
from tests.support.samples import sample_of

PHOTOS = {"source": {"kind": "pictures", "pictures": "photos"}, "mask": {"micro_batch": 2}}


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return parse_config(PHOTOS)


@pytest.fixture(scope="module")
def models(config: RunConfig) -> Models:
    return load_models(config)


@pytest.fixture(scope="module")
def boundary(models: Models) -> Boundary:
    normal = np.eye(1, models.generator.w_dim, dtype=np.float32)[0]
    response = {"score_response": {"distances": [-3, 0, 3], "mean": [0.4, 1.2, 2.4]}}
    return Boundary(normal, 0.0, "w", tuple(range(models.generator.num_layers)), "indoor_lighting", response)


def test_a_run_on_latents_has_the_identity_it_had_before_there_were_pictures() -> None:
    assert config_hash(parse_config({})).startswith("bde2b1dd")


def test_how_many_pictures_there_are_is_not_part_of_the_identity() -> None:
    assert config_hash(parse_config(PHOTOS)) == config_hash(
        parse_config(PHOTOS | {"mask": {"count": 5, "micro_batch": 2}})
    )


def test_which_pictures_they_are_is_part_of_the_identity() -> None:
    other = {"source": {"kind": "pictures", "pictures": "others"}, "mask": {"micro_batch": 2}}
    assert config_hash(parse_config(PHOTOS)) != config_hash(parse_config(other))


def test_codes_of_pictures_stand_behind_the_door_to_codes(models: Models, config: RunConfig) -> None:
    shape = (models.generator.num_layers, models.generator.w_dim)
    codes = [code(index, w_plus=np.full(shape, index, np.float32)) for index in (3, 4, 5)]
    found = w_plus_of(with_codes(models, codes), config, [5, 3])
    assert found[:, 0, 0].tolist() == [5, 3]


def test_pictures_that_cannot_be_read_are_not_edited() -> None:
    assert readable([code(0), code(1, status="unreadable"), code(2, status="poor")]) == [0, 2]


def test_a_unit_without_a_readable_picture_gives_an_empty_batch(
    models: Models, config: RunConfig, boundary: Boundary
) -> None:
    batch = attribute(models, config, boundary, [])
    assert batch.indices == ()
    assert photo_samples(models.scorer, config, batch, UnitPictures([], lambda _: Unreadable(""))) == []


def test_edits_of_pictures_go_to_the_mean_scores_of_edited_samples(config: RunConfig, boundary: Boundary) -> None:
    edit = with_targets(config, boundary).edit
    assert edit.targets == (0.4, 2.4)
    assert edit.distance == 2 * config.edit.distance


def test_targets_that_were_asked_for_stay(boundary: Boundary) -> None:
    asked = parse_config(PHOTOS | {"edit": {"targets": [1.0, 2.0]}})
    assert with_targets(asked, boundary) is asked


def test_without_a_measured_response_edits_go_by_distance(config: RunConfig, boundary: Boundary) -> None:
    assert with_targets(config, replace(boundary, metrics={})) is config


@given(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.integers(8, 23), st.integers(8, 23))
def test_places_go_where_the_camera_shows_them(dx: float, dy: float, zoom: float, x: int, y: int) -> None:
    side = 32
    camera = (dx, dy, zoom, 0.0, 1.0, 1.0, 1.0, 0.0)
    dot = torch.zeros(1, 1, side, side, dtype=torch.float64)
    dot[0, 0, y, x] = 1
    shown = placed(dot, torch.tensor([camera], dtype=torch.float64))[0, 0]
    grid = torch.arange(side, dtype=torch.float64)
    found = (shown.sum(0) * grid).sum() / shown.sum(), (shown.sum(1) * grid).sum() / shown.sum()
    scale, across, down = placed_affine(camera, side)
    assert found[0] == pytest.approx(scale * x + across, abs=0.3)  # bilinear sampling moves a dot's mass a little
    assert found[1] == pytest.approx(scale * y + down, abs=0.3)


@given(st.integers(2, 300), st.integers(2, 300))
def test_a_square_counted_in_other_pixels_is_the_same_square(side: int, other: int) -> None:
    square = Affine(3.5, 12.0, -4.0, (600, 900), side)
    again = resampled(square, other)
    first, second = ((one.dx - one.scale / 2, one.dx + one.scale * (one.side - 0.5)) for one in (square, again))
    np.testing.assert_allclose(first, second)


def test_a_poor_picture_is_a_sample_without_a_mask_and_with_the_reason(
    models: Models, config: RunConfig, boundary: Boundary
) -> None:
    shape = (models.generator.num_layers, models.generator.w_dim)
    draw = np.random.Generator(np.random.Philox(1))
    codes = [
        code(index, status=status, reason=reason, w_plus=draw.standard_normal(shape).astype(np.float32), size=(90, 120))
        for index, status, reason in ((0, "ok", ""), (1, "poor", "PSNR 9.0 dB, below 20.0 dB"))
    ]
    codes = [replace(each, place=(90 / 128, 15 + (90 / 128 - 1) / 2, (90 / 128 - 1) / 2)) for each in codes]
    picture: ByteArray = draw.integers(0, 256, (90, 120, 3), np.uint8)
    pictures = UnitPictures(codes, lambda _: Picture(picture))
    batch = attribute(with_codes(models, codes), config, boundary, [0, 1])
    samples = photo_samples(models.scorer, config, batch, pictures)
    fine, poor = with_photos(models.scorer, config, samples, batch, pictures)
    assert (poor.status, poor.reason) == ("empty", "PSNR 9.0 dB, below 20.0 dB")
    assert poor.photo is not None
    np.testing.assert_array_equal(poor.photo.positive, picture)
    assert fine.photo is not None
    assert fine.photo.mask is not None
    assert fine.photo.mask.shape == (90, 120)
    assert fine.original.shape == fine.photo.reconstruction.shape == (128, 128, 3)


@pytest.fixture(scope="module")
def codes(models: Models) -> list[PictureCode]:
    """Three pictures of 90 x 120 pixels, whose middle square the generator sees."""
    shape = (models.generator.num_layers, models.generator.w_dim)
    draw = np.random.Generator(np.random.Philox(2))
    scale = 90 / 128
    place = (scale, 15 + (scale - 1) / 2, (scale - 1) / 2)
    codes = draw.standard_normal((3, *shape)).astype(np.float32)
    return [code(index, w_plus=each, size=(90, 120), place=place) for index, each in enumerate(codes)]


def test_a_picture_that_has_gone_since_is_a_row_with_the_reason_and_the_others_go_on(
    models: Models, config: RunConfig, boundary: Boundary, codes: list[PictureCode]
) -> None:
    batch = attribute(with_codes(models, codes), config, boundary, [0, 1, 2])
    pictures = UnitPictures(codes, all_but({1}))
    samples = photo_samples(models.scorer, config, batch, pictures)
    made = list(with_photos(models.scorer, config, samples, batch, pictures))
    whole = UnitPictures(codes, all_but(set()))
    usual = list(with_photos(models.scorer, config, photo_samples(models.scorer, config, batch, whole), batch, whole))
    gone = made[1]
    assert gone.status == "empty"
    assert gone.reason.endswith("and now cannot: no such file")
    assert gone.photo is not None
    assert (gone.photo.picture, gone.photo.mask, gone.photo.code.status) == (None, None, "unreadable")
    np.testing.assert_array_equal(gone.original, gone.photo.reconstruction)
    for kept in (0, 2):
        assert encode_shard([made[kept]], photos=True) == encode_shard([usual[kept]], photos=True)
    row = pq.read_table(pa.BufferReader(encode_shard(made, photos=True))).to_pylist()[1]
    assert (row["picture"], row["picture_mask"], row["verdict"]) == (None, None, "unreadable")


def test_where_all_have_gone_it_is_the_place_that_is_missing(
    models: Models, config: RunConfig, boundary: Boundary, codes: list[PictureCode]
) -> None:
    batch = attribute(with_codes(models, codes), config, boundary, [0, 1, 2])
    with pytest.raises(DataError, match=r"none of 3 pictures .* rooms/é 0\.jpg .*no such file.*reached\?"):
        photo_samples(models.scorer, config, batch, UnitPictures(codes, all_but({0, 1, 2})))


def test_one_that_goes_while_its_row_is_written_is_tried_again(
    models: Models, config: RunConfig, boundary: Boundary, codes: list[PictureCode]
) -> None:
    batch = attribute(with_codes(models, codes), config, boundary, [0, 1, 2])
    samples = photo_samples(models.scorer, config, batch, UnitPictures(codes, all_but(set())))
    ok = [replace(sample, status="ok") for sample in samples]
    with pytest.raises(DataError, match=r"rooms/é 2.jpg: could be read"):
        list(with_photos(models.scorer, config, ok, batch, UnitPictures(codes, all_but({2}))))


def all_but(gone: set[int]) -> Callable[[PictureRow], Picture | Unreadable]:
    """A source of noise without some of its pictures."""

    def read(row: PictureRow) -> Picture | Unreadable:
        if row.key in {f"rooms/é {index}.jpg" for index in gone}:
            return Unreadable("no such file")
        noise = np.random.Generator(np.random.Philox(len(row.key)))
        return Picture(noise.integers(0, 256, (90, 120, 3), np.uint8))

    return read


@given(st.integers(0, 20), st.integers(0, 20), st.integers(3, 11), st.integers(3, 11), st.sampled_from([0.5, 1.0, 3.0]))
def test_a_region_in_pixels_of_the_picture_is_its_mask_there(x: int, y: int, w: int, h: int, scale: float) -> None:
    square = np.zeros((32, 32), np.bool_)
    square[y : y + h, x : x + w] = True
    affine = Affine(scale, 5 + (scale - 1) / 2, 7 + (scale - 1) / 2, (120, 110), 32)
    region = replace(
        sample_of(0).regions[0], rle=encode_rle(square), centroid=(y + (h - 1) / 2, x + (w - 1) / 2), peak=(y, x)
    )
    found = in_picture(region, affine)
    mask = decode_rle(found.rle).astype(np.bool_)
    np.testing.assert_array_equal(mask, to_picture(square, affine))
    left, top, width, height = found.bbox
    assert found.area == mask.sum() == mask[top : top + height, left : left + width].sum()
    rows, columns = np.nonzero(mask)
    assert found.centroid == pytest.approx((rows.mean(), columns.mean()), abs=0.51)
