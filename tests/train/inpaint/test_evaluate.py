"""Figures of inpainters whose faults are planted."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.store.store import Store
from higan_cam.train.inpaint.data import Pairs, read_pairs
from higan_cam.train.inpaint.evaluate import (
    Scene,
    disc_elsewhere,
    evaluate,
    held_out_scene,
    is_elsewhere,
    mean_light,
    other_place,
)
from higan_cam.train.inpaint.model import Inpainter
from tests.train.inpaint.planted import GAIN, SIDE

pytest.importorskip("diffusers", reason="diffusers is a development extra")
LIGHT = 2 * GAIN / 255


class Obedient(Inpainter):
    """Adds the planted light exactly under the mask."""

    def relight(self, unlit: Tensor, mask: Tensor, *_: Any, **__: Any) -> Tensor:
        return unlit + LIGHT * mask


class Stubborn(Inpainter):
    """Lights the upper left corner, whatever the mask says."""

    def relight(self, unlit: Tensor, *_: Any, **__: Any) -> Tensor:
        lit = unlit.clone()
        lit[:, :, :5, :5] += LIGHT
        return lit


@pytest.fixture(scope="module")
def scene(planted: Store) -> Scene:
    return held_out_scene(read_pairs(planted, "test", SIDE), 512)


def rows_of(scene: Scene, network: type[Inpainter]) -> dict[tuple[str, str], dict[str, Any]]:
    rows = evaluate(network(SIDE, 2, (8, 8), 1), scene, torch.full((3,), LIGHT))
    return {(row["picture"], row["mask"]): row for row in rows}


def test_masks_elsewhere_share_almost_nothing_with_the_own(scene: Scene) -> None:
    own = scene.masks["own"] >= 0.5
    assert len(scene) == 6
    for kind in ("moved", "disc"):
        assert not (own & (scene.masks[kind] >= 0.5)).flatten(1).sum(dim=1).gt(2).any()
        assert (scene.masks[kind] >= 0.5).flatten(1).any(dim=1).all()
    assert not scene.masks["empty"].any()


def test_an_obedient_inpainter_lights_the_mask_wherever_it_is(scene: Scene) -> None:
    rows = rows_of(scene, Obedient)
    gain = LIGHT / 2
    for kind in ("own", "moved", "disc"):
        row = rows["inpainter", kind]
        assert row["inside"]["value"] == pytest.approx(gain, abs=0.01)
        assert row["outside"]["value"] == pytest.approx(0, abs=1e-6)
        assert row["ratio"]["value"] is None, "nothing outside to divide by"
        assert row == {**rows["constant", kind], "picture": "inpainter"}
    assert rows["inpainter", "own"]["l1"]["value"] == pytest.approx(0, abs=1e-6)
    assert rows["inpainter", "moved"]["own_place"]["value"] == pytest.approx(0, abs=1e-6)
    assert rows["inpainter", "empty"]["largest"]["value"] == 0


def test_a_stubborn_inpainter_is_found_out(scene: Scene) -> None:
    rows = rows_of(scene, Stubborn)
    for kind in ("own", "moved", "disc"):
        assert rows["inpainter", kind]["outside"]["value"] > 0.01
        assert rows["inpainter", kind]["largest_inside"]["value"] < 1
    assert rows["inpainter", "moved"]["own_place"]["value"] > 0.01
    assert rows["inpainter", "empty"]["largest"]["value"] == pytest.approx(LIGHT / 2, abs=0.01)
    assert rows["inpainter", "empty"]["inside"]["value"] is None
    assert 5 < rows["inpainter", "own"]["psnr"]["value"] < 20


def test_the_truth_has_no_error_and_the_unlit_picture_no_gain(scene: Scene) -> None:
    rows = rows_of(scene, Obedient)
    assert rows["truth", "own"]["l1"]["value"] == 0
    assert "psnr" not in rows["truth", "own"]
    assert rows["unlit", "own"]["inside"]["value"] == rows["unlit", "own"]["score_change"]["value"] == 0
    assert rows["unlit", "own"]["l1"]["value"] > 0


def test_the_next_mask_elsewhere_is_taken_in_circles() -> None:
    masks = torch.zeros((3, 1, 8, 8))
    masks[0, :, :4], masks[1, :, :4], masks[2, :, 4:] = 1, 1, 1
    assert [other_place(masks, row) for row in range(3)] == [2, 2, 0]
    assert other_place(masks[:2], 0) is None
    assert not is_elsewhere(masks[0] > 0, masks[1] > 0)


def test_without_any_mask_elsewhere_there_is_nothing_to_say(pairs: Pairs) -> None:
    one = Pairs(**{name: getattr(pairs, name)[:1] for name in ("index", "unlit", "lit", "regions", "shares")})
    with pytest.raises(DataError, match="none of 1 test samples"):
        held_out_scene(one, 512)


def test_a_disc_is_round_lies_in_the_picture_and_depends_on_the_index() -> None:
    own = torch.zeros((1, 64, 64))
    own[:, :32] = 1
    disc = disc_elsewhere(own, 5)
    assert float(disc.sum()) == pytest.approx(torch.pi * 8**2, rel=0.05)
    assert not (disc * own).any()
    assert torch.equal(disc, disc_elsewhere(own, 5))
    assert not torch.equal(disc, disc_elsewhere(own, 6))


def test_the_mean_light_is_that_of_the_pixels_under_the_masks(pairs: Pairs) -> None:
    assert mean_light(pairs).tolist() == pytest.approx([LIGHT] * 3, abs=0.01)
