"""Pairs of photographs by the names of their sets, what the lamp adds, and who finds it: on rendered pairs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import RunConfig, parse_config
from higan_cam.errors import ConfigError, WeightsError
from higan_cam.mask.student import Student, StudentNetwork, load_student
from higan_cam.measure.pair_layouts import LAYOUTS, NamedPair
from higan_cam.measure.pair_truth import light_added
from higan_cam.measure.pairs import INVERSION, Inversion, PairResult, measure_pairs, placed_in_square
from higan_cam.measure.tables import pair_text
from higan_cam.pictures import fit_square, list_pictures, open_pictures
from higan_cam.pipeline import Models
from higan_cam.pipeline.inverting import load_inverter
from higan_cam.publish.images import encode_image
from higan_cam.rooms.photos import TUNING_SEED, photos
from higan_cam.store import open_store
from higan_cam.types import Boundary, ByteArray
from tests.publish.test_codes import code

SIDE = 64
NAMES: dict[str, Callable[[int], tuple[str, str]]] = {
    "off-on": lambda index: (f"off/room {index}.png", f"on/room {index}.png"),
    "lonoff": lambda index: (f"lonoff/test_A/{index:02}.png", f"lonoff/test_B/all_{index:02}.png"),
    "3dlp": lambda index: (
        f"main/location_3/scene_{index}/view_1_off.png",
        f"main/location_3/scene_{index}/view_1_on.png",
    ),
}
KEYS = st.from_regex(r"((off|on|test_A|test_B|main|a)/){0,2}(all_)?[a-c](_off|_on)?\.(png|jpg)", fullmatch=True)


@pytest.fixture(scope="module")
def rooms() -> list[tuple[ByteArray, ByteArray]]:
    """Five photos of rooms as a camera takes them, lamps off and on; in each some lamp burns."""
    states = (photos(TUNING_SEED, 5, "G2", lamps, size=SIDE) for lamps in (False, True))
    return [(off.image, on.image) for off, on in zip(*states, strict=True)]


@pytest.fixture(scope="module")
def blank() -> Student:
    """One that has learned nothing."""
    return Student(StudentNetwork((4, 6)).for_inference(), SIDE)


def written(place: str, layout: str, rooms: list[tuple[ByteArray, ByteArray]]) -> str:
    """The pairs below a place, named as in a set."""
    store = open_store(place)
    for index, pair in enumerate(rooms):
        for name, image in zip(NAMES[layout](index), pair, strict=True):
            store.put(name, encode_image(image))
    return place


def measured(
    place: str, layout: str, student: Student, inversion: Inversion | None = None, config: RunConfig | None = None
) -> PairResult:
    rows, read = list(list_pictures(place)), open_pictures(place).read
    return measure_pairs(rows, read, layout, student, config or parse_config({}), inversion)


@pytest.mark.parametrize(
    ("layout", "keys", "pairs"),
    [
        ("off-on", ["off/a.png", "on/a.jpg", "x.png"], [("off/a.png", "on/a.jpg")]),
        ("off-on", ["s/Off/b/a.png", "s/ON/b/a.png"], [("s/Off/b/a.png", "s/ON/b/a.png")]),
        ("off-on", ["off/a.png", "on/b.png"], [(None, "on/b.png"), ("off/a.png", None)]),
        ("lonoff", ["test_A/1.jpg", "test_B/all_1.jpg"], [("test_A/1.jpg", "test_B/all_1.jpg")]),
        ("lonoff", ["test_A/1.jpg", "test_B/1.png"], [("test_A/1.jpg", "test_B/1.png")]),
        (
            "lonoff",
            ["test_A/1.jpg", "test_B/all_1.jpg", "test_B/one_1.jpg", "train_A/1.jpg", "test_inst/1.png"],
            [("test_A/1.jpg", "test_B/all_1.jpg"), ("test_A/1.jpg", "test_B/one_1.jpg"), ("train_A/1.jpg", None)],
        ),
        (
            "3dlp",
            ["main/l/s/view_1/off.png", "main/l/s/view_1/on.png"],
            [("main/l/s/view_1/off.png", "main/l/s/view_1/on.png")],
        ),
        (
            "3dlp",
            ["00030_view_0_gt_off.jpg", "00030_view_0_gt_on.jpg"],
            [("00030_view_0_gt_off.jpg", "00030_view_0_gt_on.jpg")],
        ),
        (
            "3dlp",
            ["on location/v_off.png", "on location/v_on.png"],
            [("on location/v_off.png", "on location/v_on.png")],
        ),
        ("3dlp", ["preview/a_on.jpg", "main/a/shadow.png", "main/a/lemon.png"], []),
    ],
)
def test_pairs_are_found_by_their_names(layout: str, keys: list[str], pairs: list[NamedPair]) -> None:
    assert LAYOUTS[layout](keys) == pairs


@pytest.mark.parametrize("layout", LAYOUTS)
@given(keys=st.lists(KEYS, unique=True))
def test_a_lit_picture_is_in_one_pair_and_an_unlit_one_in_some(layout: str, keys: list[str]) -> None:
    pairs = LAYOUTS[layout](keys)
    lit = [on for _, on in pairs if on is not None]
    assert len(lit) == len(set(lit))
    assert {key for pair in pairs for key in pair} - {None} <= set(keys)
    assert (None, None) not in pairs
    for key in keys:  # whatever else is there
        assert {key in pair for pair in LAYOUTS[layout]([key])} <= {True}


def test_light_is_where_linear_light_is_added_even_onto_what_is_bright() -> None:
    off = np.full((SIDE, SIDE, 3), 20, np.uint8)
    off[:, SIDE // 2 :] = 200  # 35 levels here are more light than 40 in the dark half
    on = off.copy()
    on[10:20, 40:50] += 35
    on[10:20, 10:20] += 40
    expected = np.zeros((SIDE, SIDE), np.bool_)
    expected[10:20, 40:50] = True
    np.testing.assert_array_equal(light_added(off, on), expected)


@given(st.integers(0, 2**32), st.sampled_from([1.0, 4.0]))
def test_noise_adds_no_light_and_hides_none(seed: int, deviation: float) -> None:
    source = np.random.Generator(np.random.Philox(seed))

    def taken(level: ByteArray) -> ByteArray:
        return np.clip(np.rint(level + source.normal(0, deviation, level.shape)), 0, 255).astype(np.uint8)

    dark = np.full((SIDE, SIDE, 3), 100, np.uint8)
    lamp = dark.copy()
    lamp[20:30, 20:30] = 220
    assert not light_added(taken(dark), taken(dark)).any()
    np.testing.assert_array_equal(light_added(taken(dark), taken(lamp)), (lamp > dark).all(axis=2))


def test_a_pair_that_says_nothing_is_left_out_with_the_reason(blank: Student, tmp_path: Path) -> None:
    dark, lamp = np.full((SIDE, SIDE, 3), 30, np.uint8), np.full((SIDE, SIDE, 3), 30, np.uint8)
    lamp[5:15, 5:15] = 250
    store = open_store(tmp_path)
    files = {"off/a": dark, "on/a": lamp, "off/b": dark, "on/b": dark, "off/c": dark, "on/c": lamp[:40], "on/d": lamp}
    for name, image in files.items():
        store.put(f"{name}.png", encode_image(image))
    for name, body in {
        "off/e.png": encode_image(dark)[:80],
        "on/e.png": encode_image(lamp),
        "on/f.exr": b"v/1\x01",
    }.items():
        store.put(name, body)
    result = measured(str(tmp_path), "off-on", blank)
    reasons = {(left.on or "")[3:]: left.reason for left in result.left_out}
    assert result.count == 1
    assert reasons["b.png"] == "no light is added that stands out from the noise"
    assert reasons["c.png"] == "not of one size: 64 x 64 off, 64 x 40 on"
    assert reasons["d.png"] == reasons["f.exr"] == "no picture of it with the lamp off"
    assert reasons["e.png"].startswith("off/e.png: ")
    assert "left out: -, on/d.png: no picture of it with the lamp off" in pair_text(result)


def test_every_layout_and_place_gives_the_same_figures(
    rooms: list[tuple[ByteArray, ByteArray]], blank: Student, tmp_path: Path
) -> None:
    places = {layout: str(tmp_path / layout) for layout in LAYOUTS} | {"off-on": f"memory://{uuid.uuid4()}/pairs"}
    results = [measured(written(place, layout, rooms), layout, blank) for layout, place in places.items()]
    assert results[0].rows == results[1].rows == results[2].rows
    assert results[0].count == 5
    assert not results[0].left_out


def test_a_prior_that_knows_the_answer_is_right_and_the_best(blank: Student, tmp_path: Path) -> None:
    rooms = []
    for place in (4, 30, 44):
        off = np.full((SIDE, SIDE, 3), 30, np.uint8)
        off[place : place + 12, place : place + 12] = 60
        on = off.copy()
        on[place : place + 12, place : place + 12] = 240
        rooms.append((off, on))
    result = measured(written(str(tmp_path), "off-on", rooms), "off-on", blank)
    best = next(row for row in result.rows if row.method == "brightest")
    assert result.best_prior == "brightest"
    assert (best.estimates["ap_light"].value, best.estimates["pointing"].value) == (1, 1)
    assert best.estimates["over_prior"].value == 0
    assert result.share == pytest.approx(144 / SIDE**2)


def test_one_pair_alone_can_be_measured(
    blank: Student, rooms: list[tuple[ByteArray, ByteArray]], tmp_path: Path
) -> None:
    result = measured(written(str(tmp_path), "3dlp", rooms[:1]), "3dlp", blank)
    assert {row.count for row in result.rows} == {1}


def test_pictures_of_another_layout_are_an_error_that_names_the_layouts(
    blank: Student, rooms: list[tuple[ByteArray, ByteArray]], tmp_path: Path
) -> None:
    place = written(str(tmp_path), "lonoff", rooms[:1])
    with pytest.raises(
        ConfigError, match=r"2 pictures and no usable pair in the layout 'off-on'.*test_A/00.png.*lonoff"
    ):
        measured(place, "off-on", blank)


@given(st.floats(0.5, 3), st.floats(-9, 9), st.floats(-9, 9), st.integers(40, 90), st.integers(40, 90))
def test_a_place_reaches_the_square_as_it_reaches_the_photo(
    scale: float, dx: float, dy: float, height: int, width: int
) -> None:
    _, square = fit_square(np.zeros((height, width, 3), np.uint8), 32)
    placed = placed_in_square(code(place=(scale, dx, dy)), square, 16)
    for point in ((0.0, 0.0), (7.0, 12.0)):
        at = np.array(point)
        np.testing.assert_allclose(square.to_photo(placed.to_photo(at)), at * scale + (dy, dx), atol=1e-9)


@pytest.fixture(scope="module")
def quick() -> RunConfig:
    """Inversion by two steps from the mean."""
    return parse_config({"invert": {"method": "optimise", "steps": 2, "micro_batch": 2}, "mask": {"micro_batch": 2}})


@pytest.mark.slow
def test_inversion_is_measured_beside_the_verdicts_on_it(
    rooms: list[tuple[ByteArray, ByteArray]],
    blank: Student,
    models: Models,
    boundary: Boundary,
    quick: RunConfig,
    tmp_path: Path,
) -> None:
    place = written(str(tmp_path), "off-on", rooms[:3])
    inverter = load_inverter(models, quick)
    result = measured(place, "off-on", blank, Inversion(models, quick, boundary, inverter), quick)
    found = {row.method: row for row in result.rows}[INVERSION]
    assert result.verdicts == {"ok": 3}
    assert found.count == 3
    assert found.estimates["ap_light"].value > result.share
    strict = quick.model_copy(update={"invert": quick.invert.model_copy(update={"min_psnr": 99.0})})
    poor = measured(place, "off-on", blank, Inversion(models, strict, boundary, inverter), strict)
    assert poor.verdicts == {"poor": 3}
    assert {row.method: row for row in poor.rows}[INVERSION] == found


@pytest.fixture
def student() -> Iterator[Student]:
    """The embedded one."""
    try:
        yield load_student()
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_the_embedded_student_beats_every_prior_on_rendered_pairs(student: Student, tmp_path: Path) -> None:
    states = (photos(TUNING_SEED, 12, "G2", lamps) for lamps in (False, True))
    rooms = [(off.image, on.image) for off, on in zip(*states, strict=True)]
    result = measured(written(str(tmp_path), "off-on", rooms), "off-on", student)
    found = next(row for row in result.rows if row.method == "student")
    assert found.estimates["over_prior"].low > 0.1
