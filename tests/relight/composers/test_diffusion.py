"""Real inpainting pipelines in miniature, from folders: what they are asked, and what of their answer is kept."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.relight import Dial, relight
from higan_cam.relight.composers import Composed, Composer, Spot, load_composer
from higan_cam.relight.composers.diffusion import on_white
from higan_cam.relight.composers.windows import Window, fading_inside
from higan_cam.types import ByteArray, FloatArray, Place

pytest.importorskip("diffusers", reason="diffusers is a development extra")
pytestmark = pytest.mark.slow
SIDE = 32
ADAPTED, BY_EXAMPLE = "StableDiffusionInpaintPipeline", "PaintByExamplePipeline"
PLACE = Place(0, 0.5, 0.5, 0.4, 0.3, 0.2, 0.3)
_RANDOM = np.random.default_rng(0)
PICTURE = _RANDOM.integers(0, 256, (70, 90, 3), np.uint8)
LAMP = _RANDOM.integers(0, 256, (20, 10, 4), np.uint8)
MASK = np.zeros((70, 90), np.uint8)
MASK[22:38, 30:46] = 255
SPOT = Spot(PICTURE, PLACE, mask=MASK, lamp=LAMP, seed=7)
SEEN = Window(14, 22, SIDE, SIDE)
"""Around the mask at the model's size: nothing is resized, so every byte can be compared."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each family; under `adapter` an IP-Adapter for the first."""
    from tests.relight.composers.tiny_pipelines import FAMILIES, adapter

    base = tmp_path_factory.mktemp("pipelines")
    made = {name: make(base / name) for name, make in FAMILIES.items()}
    return made | {"adapter": adapter(base / "adapter", made[ADAPTED])}


@pytest.fixture(scope="module")
def composers(folders: dict[str, Path]) -> dict[str, Composer]:
    """A composer of each family, loaded without a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _refused)
        return {
            name: load_composer(
                "diffusion",
                folder=str(folder),
                steps=2,
                guidance=5.0,
                prompt="a lamp",
                adapter=str(folders["adapter"]) if name == ADAPTED else "",
            )
            for name, folder in folders.items()
            if name != "adapter"
        }


@pytest.fixture(params=["StableDiffusionXLInpaintPipeline", "StableDiffusion3InpaintPipeline", ADAPTED, BY_EXAMPLE])
def family(request: pytest.FixtureRequest) -> str:
    """The class that is to come out."""
    return str(request.param)


def _refused(*_: object) -> None:
    raise AssertionError("a composer reached for the network")


class Spy:
    """What a pipeline of diffusers was asked, and what it answered; the pipeline itself runs."""

    def __init__(self, family: str, patch: pytest.MonkeyPatch) -> None:
        import diffusers

        self.asked: list[dict[str, Any]] = []
        self.drawn: list[FloatArray] = []
        kind = getattr(diffusers, family)
        call = kind.__call__

        @wraps(call)
        def recorded(pipeline: Any, **asked: Any) -> Any:
            self.asked.append(asked | {"seed": asked["generator"].initial_seed()})
            answer = call(pipeline, **asked)
            self.drawn.append(answer.images[0])
            return answer

        patch.setattr(kind, "__call__", recorded)


def lit(made: Composed) -> ByteArray:
    return relight(made.picture, [made.light], [Dial()])


def test_the_pipeline_is_asked_for_the_window_with_all_settings(
    composers: dict[str, Composer], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(family, monkeypatch)
    made = composers[family](SPOT)
    (asked,) = spy.asked
    np.testing.assert_array_equal(asked["image"], SEEN.seen(PICTURE, (SIDE, SIDE)))
    np.testing.assert_array_equal(asked["mask_image"], SEEN.seen(MASK, (SIDE, SIDE)))
    assert (asked["height"], asked["width"], asked["seed"]) == (SIDE, SIDE, SPOT.seed)
    assert (asked["num_inference_steps"], asked["guidance_scale"]) == (2, 5.0)
    assert asked.get("prompt") == (None if family == BY_EXAMPLE else "a lamp")
    reference = {ADAPTED: "ip_adapter_image", BY_EXAMPLE: "example_image"}.get(family)
    assert made.settings["reference"] == reference
    assert {"ip_adapter_image", "example_image"} & asked.keys() == ({reference} if reference else set())
    if reference:
        np.testing.assert_array_equal(asked[reference], on_white(LAMP))


def test_of_the_answer_only_the_hole_is_kept_and_light_and_body_make_it_up(
    composers: dict[str, Composer], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(family, monkeypatch)
    made = composers[family](SPOT)
    shown, weight = lit(made), fading_inside(MASK)
    np.testing.assert_array_equal(shown[MASK == 0], PICTURE[MASK == 0])
    np.testing.assert_array_equal(made.picture[MASK == 0], PICTURE[MASK == 0])
    assert not made.light.layer[MASK == 0].any()
    whole = SEEN.over(np.rint(spy.drawn[0] * 255).astype(np.uint8), PICTURE)
    np.testing.assert_array_equal(shown[weight == 1], whole[weight == 1])
    assert (shown >= np.minimum(whole, PICTURE)).all()
    assert (shown <= np.maximum(whole, PICTURE)).all()
    np.testing.assert_array_equal(made.picture, np.minimum(PICTURE, shown))
    assert (shown != PICTURE)[weight == 1].mean() > 0.9


def test_the_same_settings_make_the_same_bytes_and_another_seed_others(
    composers: dict[str, Composer], family: str
) -> None:
    first, again, other = (composers[family](replace(SPOT, seed=seed)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(lit(first), lit(again))
    assert (lit(first) != lit(other)).any()


def test_settings_are_json_and_say_what_ran(
    composers: dict[str, Composer], folders: dict[str, Path], family: str
) -> None:
    said = json.loads(json.dumps(composers[family](SPOT).settings))
    assert (said["composer"], said["pipeline"], said["dtype"]) == ("diffusion", family, "float32")
    assert said["scheduler"] == ("FlowMatchEulerDiscreteScheduler" if "3" in family else "DDIMScheduler")
    assert (said["seed"], said["size"], said["window"]) == (7, [SIDE, SIDE], [SEEN.top, SEEN.left, SIDE, SIDE])
    assert len(said["weights"]) == 64
    assert ("adapter_weights" in said) == (family == ADAPTED)
    assert str(folders[family]) not in json.dumps(said)


def test_a_mask_of_nothing_leaves_the_photo_and_says_so(
    composers: dict[str, Composer], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(family, monkeypatch)
    made = composers[family](replace(SPOT, mask=np.zeros_like(MASK)))
    assert "mask is empty" in made.reason
    assert not spy.asked
    np.testing.assert_array_equal(made.picture, PICTURE)
    assert not made.light.layer.any()


@st.composite
def spots(draw: st.DrawFn) -> Spot:
    """Photos from smaller than the model's pictures to larger, with any mask."""
    shape = draw(st.tuples(st.integers(5, 80), st.integers(5, 80)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = np.zeros(shape, np.uint8)
    for _ in range(draw(st.integers(1, 3))):
        top, left = (draw(st.integers(0, side - 1)) for side in shape)
        mask[top : top + draw(st.integers(1, 40)), left : left + draw(st.integers(1, 40))] = 255
    return Spot(random.integers(0, 256, (*shape, 3), np.uint8), PLACE, mask=mask, seed=draw(st.integers(0, 2**63 - 1)))


@settings(max_examples=15)
@given(spot=spots())
def test_whatever_the_sizes_nothing_outside_of_the_mask_changes(composers: dict[str, Composer], spot: Spot) -> None:
    made = composers["StableDiffusionXLInpaintPipeline"](spot)
    assert spot.mask is not None
    assert not made.reason
    shown, outside = lit(made), spot.mask == 0
    np.testing.assert_array_equal(shown[outside], spot.picture[outside])
    np.testing.assert_array_equal(made.picture, np.minimum(spot.picture, shown))


def test_without_a_mask_the_places_box_is_painted(composers: dict[str, Composer]) -> None:
    made = composers["StableDiffusion3InpaintPipeline"](replace(SPOT, mask=None))
    changed = np.argwhere((lit(made) != PICTURE).any(axis=-1))
    assert (changed.min(axis=0) >= (21, 36)).all()
    assert (changed.max(axis=0) < (42, 54)).all()


@pytest.mark.parametrize("family", [ADAPTED, BY_EXAMPLE], indirect=False)
def test_a_pipeline_that_paints_after_a_picture_needs_one(composers: dict[str, Composer], family: str) -> None:
    assert "after a picture of a lamp, and none was given" in composers[family](replace(SPOT, lamp=None)).reason


def test_another_size_is_asked_for_in_its_own_aspect(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    name = "StableDiffusion3InpaintPipeline"
    spy = Spy(name, monkeypatch)
    made = load_composer("diffusion", folder=str(folders[name]), steps=1, size=(32, 48))(SPOT)
    assert spy.asked[0]["image"].size == spy.asked[0]["mask_image"].size == (48, 32)
    assert made.settings["window"] == [14, 14, 32, 48]
    with pytest.raises(ConfigError, match=r"refuses its settings, size .31, 48.:.*divisible"):
        load_composer("diffusion", folder=str(folders[name]), steps=1, size=(31, 48))(SPOT)


@pytest.mark.parametrize(
    ("drawn", "flagged", "said"),
    [(np.nan, None, "values that are no numbers; try dtype float32"), (0.5, [True], "safety checker withheld")],
)
def test_an_answer_that_is_no_picture_is_a_reason(
    composers: dict[str, Composer], monkeypatch: pytest.MonkeyPatch, drawn: float, flagged: object, said: str
) -> None:
    import diffusers
    from diffusers.pipelines.stable_diffusion import StableDiffusionPipelineOutput

    answer = StableDiffusionPipelineOutput(np.full((1, SIDE, SIDE, 3), drawn), flagged)
    monkeypatch.setattr(diffusers.StableDiffusionInpaintPipeline, "__call__", lambda *_, **__: answer)
    made = composers[ADAPTED](SPOT)
    assert said in made.reason
    np.testing.assert_array_equal(made.picture, PICTURE)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("NoSuchPipeline", "a pipeline 'NoSuchPipeline', which diffusers .* does not have; expected an inpainting"),
        ("DDIMPipeline", "DDIMPipeline cannot be loaded for inpainting .*expected a pipeline that"),
    ],
)
def test_a_pipeline_that_does_not_inpaint_is_refused(tmp_path: Path, kind: str, said: str) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    with pytest.raises(WeightsError, match=said):
        load_composer("diffusion", folder=str(tmp_path))


def test_an_adapter_that_does_not_go_with_the_pipeline_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="adapter: PaintByExamplePipeline takes no IP-Adapter"):
        load_composer("diffusion", folder=str(folders[BY_EXAMPLE]), adapter=str(folders["adapter"]))
    name = "StableDiffusionXLInpaintPipeline"
    with pytest.raises(
        WeightsError, match=r"ip-adapter\.safetensors: does not go with StableDiffusionXLInpaintPipeline"
    ):
        load_composer("diffusion", folder=str(folders[name]), adapter=str(folders["adapter"]))


@pytest.fixture
def without_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where the library is not installed."""
    monkeypatch.setitem(sys.modules, "diffusers", None)


def test_without_the_library_the_extra_is_named(without_diffusers: None, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "DDIMPipeline"}')
    with pytest.raises(ConfigError, match=r"pip install 'higan-cam\[inpaint\]'"):
        load_composer("diffusion", folder=str(tmp_path))


def test_a_lamp_lies_in_the_middle_of_a_white_square() -> None:
    square = on_white(LAMP)
    assert square.shape == (20, 20, 3)
    assert (square[:, :5] == 255).all()
    opaque = LAMP[..., 3] == 255
    np.testing.assert_array_equal(square[:, 5:15][opaque], LAMP[..., :3][opaque])
