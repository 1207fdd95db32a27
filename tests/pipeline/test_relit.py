"""Samples whose regions are lamps: each turned alone, in words, at the picture's own size, and nothing else moves."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from higan_cam.config import RunConfig, parse_config
from higan_cam.errors import ConfigError
from higan_cam.mask import decode_rle
from higan_cam.mask.shapes import encode_rle
from higan_cam.pictures import Affine, paste_change, to_picture
from higan_cam.pipeline.photos import in_picture, place_of
from higan_cam.pipeline.relit import check_relit, response_of, settled, with_lights
from higan_cam.publish import encode_shard
from higan_cam.relight import FILM, SRGB
from higan_cam.types import ByteArray, Photo, Sample
from tests.publish.test_codes import code
from tests.support.samples import sample_of

SIDE = 48
LEFT, RIGHT = (slice(18, 28), slice(4, 14)), (slice(18, 28), slice(34, 44))


def config(**light: object) -> RunConfig:
    return parse_config({"light": light})


@pytest.fixture
def sample() -> Sample:
    """A grey room in which two lamps come on, on the left and on the right, each a region of the mask."""
    original = np.full((SIDE, SIDE, 3), 60, np.uint8)
    lit, mask = original.copy(), np.zeros((SIDE, SIDE), np.uint8)
    regions, pattern = [], sample_of(0).regions[0]
    for rank, where in enumerate((LEFT, RIGHT)):
        lit[where], mask[where] = 140, 255
        part = np.zeros((SIDE, SIDE), bool)
        part[where] = True
        rows, columns = np.nonzero(part)
        centre = (float(rows.mean()), float(columns.mean()))
        box = (int(columns.min()), int(rows.min()), 10, 10)
        regions.append(replace(pattern, rank=rank, centroid=centre, bbox=box, rle=encode_rle(part)))
    return replace(
        sample_of(0, SIDE), image=lit, original=original, negative=original, mask=mask, regions=tuple(regions)
    )


def lit(sample: Sample, **light: object) -> Sample:
    return next(iter(with_lights(config(**light), [sample])))


def test_without_gains_a_sample_stays_as_it_is(sample: Sample) -> None:
    assert next(iter(with_lights(config(), [sample]))) is sample


def test_each_region_has_a_switch_of_its_own_and_words_that_say_which(sample: Sample) -> None:
    made = lit(sample, gains=[1.0, 0.5], lamps=2).lights
    assert [(light.rank, light.gain) for light in made] == [(0, 1.0), (0, 0.5), (1, 1.0), (1, 0.5)]
    assert [light.on_prompt for light in made] == [
        "switch on the lamp on the left",
        "switch on the lamp on the left, dimly",
        "switch on the lamp on the right",
        "switch on the lamp on the right, dimly",
    ]
    assert [light.edit_prompt for light in made] == ["", "dim the lamp on the left", "", "dim the lamp on the right"]
    assert {light.off_prompt for light in made[2:]} == {"switch off the lamp on the right"}
    np.testing.assert_allclose(made[0].image[RIGHT][2:-2, 2:-2].astype(int), 60, atol=2)
    np.testing.assert_allclose(made[0].image[LEFT][2:-2, 2:-2].astype(int), 140, atol=2)


def test_a_region_with_two_lamps_is_split_between_them_and_one_with_one_stays_whole(sample: Sample) -> None:
    """The mask of both lamps, and what lies between, as one region: it was one lamp, said to be in the middle."""
    one = np.zeros((SIDE, SIDE), bool)
    one[18:28, 4:44] = True
    region = replace(sample.regions[0], centroid=(22.5, 23.5), bbox=(4, 18, 40, 10), rle=encode_rle(one))
    made = lit(replace(sample, regions=(region,)), gains=[1.0], lamps=9).lights
    assert [(light.lamp, light.rank) for light in made] == [(0, 0), (1, 0)]
    words = {"switch on the lamp on the left": LEFT, "switch on the lamp on the right": RIGHT}
    assert {light.on_prompt for light in made} == set(words)
    for light in made:
        np.testing.assert_allclose(light.image[words[light.on_prompt]][2:-2, 2:-2].astype(int), 140, atol=2)
        rows, columns = words[light.on_prompt]
        assert rows.start <= light.y * SIDE <= rows.stop
        assert columns.start <= light.x * SIDE <= columns.stop
    whole = lit(sample, gains=[1.0], lamps=9).lights
    assert [(light.lamp, light.rank) for light in whole] == [(0, 0), (1, 1)]
    assert whole[0].x == pytest.approx((8.5 + 0.5) / SIDE), "where the region is"


def test_lamps_that_stay_off_count_where_lamps_are_named(sample: Sample) -> None:
    """Two on the left, of which one is turned: "the lamp on the left" would be either."""
    both = sample.image.copy()
    both[18:28, 4:44] = 60
    both[4:12, 4:12] = both[34:42, 4:12] = 140
    one = np.zeros((SIDE, SIDE), bool)
    one[4:42, 4:12] = True
    region = replace(sample.regions[0], centroid=(22.5, 7.5), bbox=(4, 4, 8, 38), rle=encode_rle(one))
    (light,) = lit(replace(sample, image=both, regions=(region,)), gains=[1.0], lamps=1).lights
    assert light.on_prompt == f"switch on the {'upper' if light.y < 0.5 else 'lower'} lamp on the left"


def test_a_top_in_two_regions_is_one_lamp_that_of_the_first(sample: Sample) -> None:
    one = np.zeros((SIDE, SIDE), bool)
    one[18:28, 4:44] = True
    over_both = replace(sample.regions[0], rle=encode_rle(one))
    made = lit(replace(sample, regions=(over_both, sample.regions[1])), gains=[1.0], lamps=9).lights
    assert [(light.lamp, light.rank) for light in made] == [(0, 0), (1, 0)]


def test_beyond_the_first_lamps_regions_stay_off(sample: Sample) -> None:
    assert {light.rank for light in lit(sample, gains=[1.0]).lights} == {0}


def test_lights_of_the_regions_add_up_to_the_strong_end(sample: Sample) -> None:
    """In linear light, to the rounding of two pictures to levels: at most one level each."""
    made = lit(sample, gains=[1.0], lamps=2).lights
    unlit = SRGB.light(sample.negative)
    summed = SRGB.display(unlit + sum(SRGB.light(light.image) - unlit for light in made))
    np.testing.assert_allclose(summed.astype(int), sample.image.astype(int), atol=2)


def test_off_is_the_weak_end_whatever_burns_in_the_picture(sample: Sample) -> None:
    burning = replace(sample, original=sample.image)
    made = lit(burning, gains=[0.5], lamps=2).lights
    assert (made[0].image[LEFT].astype(int) > sample.negative[LEFT]).all()
    np.testing.assert_array_equal(made[0].image[RIGHT], sample.negative[RIGHT])


def test_every_byte_away_from_the_mask_is_the_pictures_own(sample: Sample) -> None:
    for light in lit(sample, gains=[2.0], kelvins=[2200.0, 8000.0], lamps=2).lights:
        np.testing.assert_array_equal(light.image[:10], sample.original[:10])
        assert (light.image[LEFT if light.rank == 0 else RIGHT] != 60).any()


def test_a_region_that_the_edit_does_not_brighten_has_no_lamp(sample: Sample) -> None:
    left_alone = sample.image.copy()
    left_alone[RIGHT] = sample.negative[RIGHT]
    assert {light.rank for light in lit(replace(sample, image=left_alone), gains=[1.0], lamps=2).lights} == {0}


def test_a_sample_without_a_region_has_no_light(sample: Sample) -> None:
    assert lit(replace(sample, status="empty"), gains=[1.0]).lights == ()


def test_an_edit_that_only_darkens_has_no_light(sample: Sample) -> None:
    assert lit(replace(sample, image=sample.original // 2), gains=[1.0]).lights == ()


def test_a_picture_is_lit_at_its_own_size_and_one_that_has_gone_is_not(sample: Sample) -> None:
    affine = Affine(2.0, 20.5, 0.5, (96, 144), SIDE)
    picture: ByteArray = np.random.default_rng(np.random.Philox(4)).integers(30, 90, (96, 144, 3)).astype(np.uint8)
    mask = to_picture(sample.mask, affine)
    photo = Photo(
        code=replace(code(0), place=(2.0, 20.5, 0.5), size=(96, 144)),
        picture=picture,
        mask=mask,
        positive=paste_change(picture, mask, sample.negative, sample.image, affine),
        negative=picture,
        reconstruction=sample.negative,
        score_reconstruction=1.0,
        places=tuple(place_of(region, affine) for region in sample.regions),
        regions=tuple(in_picture(region, affine) for region in sample.regions),
        student_overlap=float("nan"),
    )
    (light,) = lit(replace(sample, photo=photo), gains=[1.0]).lights
    region = decode_rle(photo.regions[0].rle).astype(bool)
    assert light.image.shape == picture.shape
    assert (light.image[region].astype(int) - picture[region]).mean() > 20
    np.testing.assert_array_equal(light.image[:, 120:], picture[:, 120:])
    np.testing.assert_array_equal(light.image[:20], picture[:20])
    gone = replace(photo, picture=None, mask=None, positive=None, negative=None)
    assert lit(replace(sample, photo=gone), gains=[1.0]).lights == ()


def test_lights_are_a_column_of_pictures_and_words(sample: Sample) -> None:
    made = lit(sample, gains=[1.0, 0.5])
    body = encode_shard([made, replace(made, lights=())], lit=True)
    table = pq.read_table(io.BytesIO(body))
    assert b'"lights": [{"image": {"_type": "Image"}' in table.schema.metadata[b"huggingface"]
    first, second = table.to_pylist()
    assert [light["image"]["path"] for light in first["lights"]] == [f"{made.id}-00.png", f"{made.id}-01.png"]
    assert second["lights"] == []
    assert encode_shard([made]) == encode_shard([sample]), "a run that relights nothing has the bytes it had"


@pytest.mark.parametrize(
    "said",
    [
        {"lamp": "lamp.png"},
        {"places": "runs/places"},
        {"masks": "masks"},
        {"composer": "diffusion"},
        {"settings": {"reach": 1}},
    ],
)
def test_what_only_light_on_pictures_has_is_refused_by_a_run(said: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=rf"light\.{next(iter(said))} is of `higan-cam light`"):
        check_relit(config(gains=[1.0], **said))
    check_relit(config(**said))  # of no consequence where nothing is lit


def test_a_gain_above_0_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"light\.gains: must name a gain above 0"):
        config(gains=[0.0])


@pytest.mark.parametrize(
    ("said", "generator", "expected"),
    [
        ("auto", "rooms", FILM),
        ("auto", "faces", SRGB),
        ("auto", "mine.safetensors", SRGB),
        ("srgb", "rooms", SRGB),
        ("film", "mine.safetensors", FILM),
    ],
)
def test_the_curve_is_that_of_the_generator_where_its_table_says_so(
    said: str, generator: str, expected: object
) -> None:
    assert response_of(config(response=said).light, generator) is expected


def test_run_json_is_told_the_curve_of_a_run_that_relights_and_nothing_of_others() -> None:
    assert settled(config(gains=[1.0])) == {"light_response": "film"}
    assert settled(config()) == {}


def test_a_lamp_at_half_is_reckoned_in_the_curve_of_the_pictures(sample: Sample) -> None:
    for curve, name in ((FILM, "auto"), (SRGB, "srgb")):
        half = lit(sample, gains=[0.5], response=name).lights[0].image[LEFT]
        levels = np.array([60, 140], np.uint8)
        expected = curve.display(curve.light(levels).mean())
        assert abs(int(half[5, 5, 0]) - int(expected)) <= 1
