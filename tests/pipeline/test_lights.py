"""Pictures with places become pairs that differ by one lamp's light, with words; what has no place is a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from higan_cam.config import LightConfig
from higan_cam.pictures import Picture, PictureRow
from higan_cam.pipeline.lights import answer_of_mask, dials_of, lamp_shares, light_unit
from higan_cam.publish.lights import LitPair, Unlit
from higan_cam.relight import Dial
from higan_cam.relight.composers.cutout import Cutout
from higan_cam.types import Place, Recommendation

PICTURE = np.random.default_rng(np.random.Philox(key=3)).integers(20, 120, (48, 64, 3)).astype(np.uint8)


def place(rank: int, x: float) -> Place:
    return Place(rank, x, 0.5, x - 0.05, 0.45, 0.1, 0.1)


def answer(index: int = 0) -> Recommendation:
    """A picture of 48 x 64, the student's square in its middle, heat around two places."""
    rows, columns = np.mgrid[:32, :32]
    heat = sum(np.exp(-((rows - 16) ** 2 + (columns - at) ** 2) / 20.0) for at in (6, 26))
    return Recommendation(
        index,
        f"{index}.png",
        "ok",
        "",
        picture=PICTURE,
        heat=np.asarray(heat, np.float32),
        place=(1.5, 8.25, 0.25),
        places=(place(0, 0.28), place(1, 0.72)),
    )


def pairs(config: LightConfig, *answers: Recommendation) -> list[LitPair]:
    return [pair for pair in light_unit(Cutout(), config, None, 0, answers) if isinstance(pair, LitPair)]


def test_shares_of_the_lamps_add_up_to_the_heat() -> None:
    from higan_cam.pictures import Affine, to_picture

    found = answer()
    shares = lamp_shares(found)
    assert found.heat is not None
    whole = to_picture(found.heat, Affine(1.5, 8.25, 0.25, (48, 64), 32))
    np.testing.assert_allclose(shares[0] + shares[1], whole, atol=1e-5)
    assert shares[0][:, :24].sum() > 10 * shares[1][:, :24].sum()


def test_a_mask_that_is_given_is_the_one_lamps_share_whatever_the_pictures_shape() -> None:
    picture = Picture(np.zeros((1, 12_000, 3), np.uint8))
    mask = np.zeros((1, 12_000), np.uint8)
    mask[0, 5_000:7_000] = 255
    found = answer_of_mask(PictureRow(0, "long.png", 1, "", 0, None), picture, mask)
    assert found.heat is None  # which would be a square of its longer side
    (share,) = lamp_shares(found)
    np.testing.assert_array_equal(share, mask / np.float32(255))
    assert found.places[0].x == pytest.approx(0.5)


def test_every_gain_goes_with_every_colour_and_off_has_none() -> None:
    config = LightConfig(gains=(1.0, 0.0, 0.5), kelvins=(2700.0, 6500.0))
    assert dials_of(config) == [Dial(1.0, 2700.0), Dial(1.0, 6500.0), Dial(0.5, 2700.0), Dial(0.5, 6500.0)]


def test_pairs_lead_on_along_and_off_and_only_the_lamp_differs() -> None:
    made = pairs(LightConfig(gains=(1.0, 0.5)), answer(7))
    assert [pair.words for pair in made] == [
        "switch on the lamp on the left",
        "dim the lamp on the left",
        "switch off the lamp on the left",
    ]
    assert [(pair.index, pair.variant, pair.key) for pair in made] == [(7, variant, "7.png") for variant in range(3)]
    on, dim, off = made
    np.testing.assert_array_equal(on.before, PICTURE)
    np.testing.assert_array_equal(off.after, PICTURE)
    np.testing.assert_array_equal(on.after, dim.before)
    assert on.after.astype(int)[:, :20].sum() > PICTURE.astype(int)[:, :20].sum()
    assert dim.gains == (1.0, 0.5)


def test_so_many_places_get_a_lamp_each() -> None:
    made = pairs(LightConfig(gains=(1.0,), lamps=2), answer())
    assert {pair.words for pair in made} == {
        f"switch {how} the lamp on the {side}" for how in ("on", "off") for side in ("left", "right")
    }
    assert [pair.variant for pair in made] == [0, 1, 2, 3]


@pytest.mark.parametrize("status", ["empty", "unreadable"])
def test_a_picture_without_a_place_is_one_row_with_its_reason(status: Literal["empty", "unreadable"]) -> None:
    lost = replace(answer(), status=status, reason="because", picture=None, places=())
    assert list(light_unit(Cutout(), LightConfig(gains=(1.0,)), None, 0, [lost])) == [Unlit("0.png", status, "because")]


def test_the_same_settings_give_the_same_pictures() -> None:
    config = LightConfig(gains=(1.0, 2.0), kelvins=(3000.0,))
    for one, again in zip(pairs(config, answer()), pairs(config, answer()), strict=True):
        np.testing.assert_array_equal(one.after, again.after)
        assert one.settings == again.settings
