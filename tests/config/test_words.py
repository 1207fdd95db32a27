"""A run speaks of what is known: its configuration's words, then its generator's, else neutral ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import CaptionConfig, RunConfig, config_hash, load_config, parse_config
from higan_cam.config.attributes import members
from higan_cam.config.words import known_words, scene_of
from higan_cam.publish.captions import example
from higan_cam.weights.embedded import EMBEDDED_GENERATORS
from higan_cam.weights.zoo import zoo
from tests.support.commands import Command

ROOT = Path(__file__).resolve().parents[2]
FACES = ("generator.weights=faces.pth", "attribute=warmth")
OF_ROOMS = ("bedroom", "lamp", "light", "lit", "dark", "dim", "interior", "bright")
HASHES = {
    "": "bde2b1ddb66c",
    "seed": "28433970c83f",
    "attributes.yaml": "0d16e97edc33",
    "bedroom256.yaml": "40b4afadec80",
    "quick.yaml": "63d16ed13ef7",
}
MEMBERS = {"indoor_lighting": "63d16ed13ef7", "warmth": "2a33e1ca1d60", "daylight": "f69f2bdc3f50"}


def words(*overrides: str) -> CaptionConfig:
    return load_config(overrides=overrides).publish.captions


def said(*overrides: str) -> str:
    config = load_config(overrides=overrides)
    return example(config.publish.captions, config.attribute)[0]


@pytest.mark.parametrize(("name", "begins"), HASHES.items())
def test_no_configuration_that_ships_has_changed(name: str, begins: str) -> None:
    file = ROOT / "data" / "configs" / name if name.endswith(".yaml") else None
    assert config_hash(load_config(file, profile=name if name == "seed" else "default")).startswith(begins)


def test_nor_has_any_run_of_the_several_attributes() -> None:
    runs = members(load_config(ROOT / "data" / "configs" / "attributes.yaml"))
    assert {name: config_hash(each)[:12] for name, each in runs.items()} == MEMBERS


def test_an_unknown_generator_is_spoken_of_neutrally() -> None:
    caption, edit = example(words(*FACES), "warmth")
    assert caption == "a picture with very strong warmth in the center"
    assert edit == "make the warmth stronger in the center"
    written = " ".join(str(value) for value in words(*FACES).model_dump().values())
    assert not [word for word in OF_ROOMS if word in written]


def test_the_configuration_brings_its_own() -> None:
    assert said(*FACES, "publish.captions.scene=face") == "a face with very strong warmth in the center"
    both = (*FACES, "publish.captions={scene: face, subject: cheek, levels: [pale, rosy]}")
    assert said(*both) == "a face with a rosy cheek in the center"
    assert example(words(*both), "warmth")[1] == "make the warmth of the cheek in the center stronger"
    # Even where it says what is said of the rooms.
    assert words(*FACES, "publish.captions.scene=bedroom").scene == "bedroom"
    assert words(*FACES, "publish.captions.subject=lamp").subject == "lamp"


def test_the_embedded_rooms_keep_their_words_whatever_the_attribute() -> None:
    assert words() == words("attribute=warmth") == CaptionConfig()


@pytest.mark.parametrize(
    ("weights", "attribute", "caption"),
    [
        ("stylegan_bedroom", "indoor_lighting", "a bedroom with a bright lamp in the center"),
        ("stylegan_livingroom", "indoor_lighting", "a living room with a bright lamp in the center"),
        ("stylegan_bedroom", "wood", "a bedroom with very strong wood in the center"),
        ("pggan_celebahq", "smile", "a face with very strong smile in the center"),
        ("dcgan_digiface", "warmth", "a face with very strong warmth in the center"),
        ("stylegan2_church", "indoor_lighting", "a church with very strong indoor lighting in the center"),
        ("runs/stylegan_bedroom.pth", "indoor_lighting", "a picture with very strong indoor lighting in the center"),
    ],
)
def test_a_checkpoint_of_the_zoo_brings_its_scene(weights: str, attribute: str, caption: str) -> None:
    assert said(f"generator.weights={weights}", f"attribute={attribute}") == caption


@pytest.mark.parametrize(
    ("attribute", "caption", "edit"),
    [
        ("mouth", "a face with a wide open mouth", "open the mouth"),
        ("eyes", "a face with wide open eyes", "open the eyes"),
        ("hair_color", "a face with fair hair", "lighten the hair"),
        ("hair_length", "a face with very long hair", "lengthen the hair"),
        ("yaw", "a face turned to the right", "turn the head to the right"),
        ("background_mean", "a face with very strong background mean in the center", None),
    ],
)
@pytest.mark.parametrize("weights", ["faces", "stylegan_celebahq"])
def test_properties_of_faces_have_words(weights: str, attribute: str, caption: str, edit: str | None) -> None:
    captions = words(f"generator.weights={weights}", f"attribute={attribute}")
    assert example(captions, attribute)[0] == caption
    assert edit in (None, example(captions, attribute)[1])
    assert captions.scene == "face"
    assert "lamp" not in str(captions.model_dump())


def test_a_mouth_that_was_shut_is_said_to_be() -> None:
    captions = words("generator.weights=faces", "attribute=mouth")
    assert captions.levels[0] == "closed"
    assert captions.undo_templates[0] == "close the mouth"
    own = words("generator.weights=faces", "attribute=mouth", "publish.captions.levels=[shut,agape]")
    assert example(own, "mouth")[0] == "a face with an agape mouth"
    assert words("generator.weights=x.pt", "attribute=mouth").scene == "picture"


def test_every_generator_with_a_name_is_known() -> None:
    named = [name for name, checkpoint in zoo().items() if checkpoint.kind == "generator"]
    assert not [name for name in (*EMBEDDED_GENERATORS, *named) if scene_of(name) is None]


@given(
    attribute=st.sampled_from(["warmth", "mouth", "yaw"]),
    weights=st.sampled_from(["rooms", "faces", "stylegan_cat", "pggan_kitchen", "x.pt"]),
    subject=st.booleans(),
)
def test_words_that_are_known_are_valid_and_fill_every_field(weights: str, attribute: str, subject: bool) -> None:
    known = known_words(weights, attribute, ("subject",) if subject else ())
    assert CaptionConfig(**known).model_dump() == known
    default = CaptionConfig()
    for name in ("edit_templates", "plain_edit_templates", "levels"):  # so that one side can be set alone
        assert len(known[name]) == len(getattr(default, name))


@pytest.mark.parametrize("weights", ["rooms", "faces", "stylegan_bedroom", "faces.pth"])
def test_what_a_run_records_says_the_same_again(weights: str) -> None:
    config = load_config(overrides=[f"generator.weights={weights}", "attributes={indoor_lighting: {}, mouth: {}}"])
    again = parse_config(config.model_dump(mode="json"))
    assert config_hash(again) == config_hash(config)
    hashes = {name: config_hash(each) for name, each in members(config).items()}
    assert {name: config_hash(each) for name, each in members(again).items()} == hashes
    for name, each in members(config).items():
        assert each.publish == load_config(overrides=[f"generator.weights={weights}", f"attribute={name}"]).publish


def test_several_attributes_share_what_is_said_for_all() -> None:
    several = (
        "generator.weights=stylegan_bedroom",
        "publish.captions.scene=hotel room",
        "attributes={indoor_lighting: {}, wood: {}, warmth: {publish: {captions: {levels: [cold, hot]}}}}",
    )
    runs = members(load_config(overrides=several))
    assert {name: example(each.publish.captions, name)[0] for name, each in runs.items()} == {
        "indoor_lighting": "a hotel room with a bright lamp in the center",
        "wood": "a hotel room with very strong wood in the center",
        "warmth": "a hotel room with hot warmth in the center",
    }


def test_a_configuration_made_by_hand_speaks_as_one_that_is_read() -> None:
    made = RunConfig.model_validate({"generator": {"weights": "x.pt"}})
    assert (
        made.publish
        == RunConfig(generator=made.generator).publish
        == load_config(overrides=["generator.weights=x.pt"]).publish
    )
    assert RunConfig().publish.captions == CaptionConfig()


def test_run_says_its_words_before_it_starts(higan_cam: Command, tmp_path: Path) -> None:
    missing = tmp_path / "faces [b]:x:.pth"
    code, told, _ = higan_cam(
        "run", "--set", f"generator.weights={missing}", "--set", "attribute=warmth", "--output", str(tmp_path / "o")
    )
    assert code
    assert str(missing) in told
    assert '"a picture with very strong warmth in the center"' in told


def test_run_says_what_a_checkpoint_of_the_zoo_draws(
    higan_cam: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    code, told, problem = higan_cam("run", "--set", "generator.weights=dcgan_digiface", "--output", str(tmp_path / "o"))
    assert code
    assert "words    dcgan_digiface is known to draw: face;" in told
    assert '"a face with very strong indoor lighting in the center"' in told
    assert "higan-cam weights fetch dcgan_digiface" in " ".join(problem.split())
