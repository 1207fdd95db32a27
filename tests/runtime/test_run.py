"""What `check_models` finds before anything is written or started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from higan_cam.config import load_config
from higan_cam.errors import ConfigError, HiganCamError, WeightsError
from higan_cam.label import make_scorer
from higan_cam.label.properties.scorer import PropertyScorer
from higan_cam.label.segmenters.network_segmenter import NetworkSegmenter, Settings
from higan_cam.label.segmenters.u_net import PartsNetwork, save_u_net
from higan_cam.pipeline import Models
from higan_cam.runtime import preflight
from higan_cam.runtime.preflight import check_labels, check_models
from higan_cam.weights.embedded import embedded_path
from higan_cam.worlds.face_parts import PARTS


@pytest.mark.parametrize(
    "overrides",
    [
        [f"mask.second_scorer.weights={embedded_path('rooms_generator.safetensors')}"],
        ["mask.second_scorer.name=clip", "mask.second_scorer.weights=rooms"],
        ["mask.second_scorer.scale=quartiles"],
    ],
    ids=["a file of something else", "fields that are missing", "a scale that would not be used"],
)
def test_a_second_scorer_that_cannot_judge_is_found_before_the_run(models: Models, overrides: list[str]) -> None:
    with pytest.raises(HiganCamError):
        check_models(models, load_config(overrides=overrides))


def test_a_candidate_of_an_unknown_name_is_found_before_the_run(models: Models) -> None:
    config = load_config(overrides=["attribution.name=auto", "attribution.candidates=[light_change,colour_chain]"])
    with pytest.raises(ConfigError, match=r"attribution\.candidates.*Did you mean 'colour_change'"):
        check_models(models, config)


@pytest.mark.parametrize(
    ("overrides", "section"),
    [
        ([], "scorer"),
        (["scorer.name=luminance", "attribution.name=student"], "attribution"),
        (["scorer.name=luminance", "attribution.name=auto", "attribution.candidates=[student,path]"], "attribution"),
    ],
)
def test_networks_of_rooms_are_not_asked_about_faces(models: Models, overrides: list[str], section: str) -> None:
    config = load_config(overrides=["generator.weights=faces", "attribute=mouth", *overrides])
    with pytest.raises(ConfigError, match=rf"{section}\.weights: .* learned from rooms.*'faces' draws faces"):
        check_models(models, config)
    assert config.judge is None or config.scorer.name == "lighting"


def test_what_knows_faces_is_not_asked_about_rooms(models: Models) -> None:
    config = load_config(overrides=["scorer.name=property", "scorer.target=mouth", "attribute=mouth"])
    with pytest.raises(ConfigError, match=r"scorer\.weights: .* learned from faces.*'rooms' draws rooms"):
        check_models(models, config)


def test_a_second_scorer_that_knows_faces_does_not_judge_rooms(models: Models) -> None:
    config = load_config(overrides=["mask.second_scorer.name=property", "mask.second_scorer.target=mouth"])
    with pytest.raises(ConfigError, match=r"mask\.second_scorer\.weights: .* learned from faces"):
        check_models(models, config)


def test_captions_do_not_speak_of_another_property_than_is_scored(models: Models) -> None:
    asked = ["generator.weights=faces", "attribute=mouth", "scorer.name=property", "scorer.target=eyes"]
    with pytest.raises(ConfigError, match=r"attribute: 'mouth' is another property .* --set attribute=eyes"):
        check_models(models, load_config(overrides=asked))


@pytest.mark.parametrize("formula", ["ours", "v1"])
def test_a_method_that_needs_a_gradient_is_not_given_a_scorer_without(models: Models, formula: str) -> None:
    """A segmenter in an ONNX file has none, whichever formula reads its map; a published formula has none at all."""
    asked = ["scorer.name=property", "scorer.target=eyes", "scorer.weights=mine.onnx", f"scorer.formula={formula}"]
    config = load_config(overrides=[*asked, "attribute=eyes", "mask.second_scorer=null", "attribution.name=path"])
    flat = NetworkSegmenter(lambda seen: torch.zeros(len(seen), len(PARTS), 32, 32), Settings("face_parts", 32))
    blind = replace(models, scorer=PropertyScorer(flat, "eyes", formula))
    with pytest.raises(
        ConfigError, match=r"attribution\.name: path needs a scorer|scorer\.formula: v1 has no gradient"
    ):
        check_models(blind, config)
    check_models(blind, config.with_attribution("colour_change"))


def test_a_run_in_which_no_picture_has_a_score_ends_before_it_begins(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segmenter of faces, as a file of the user's own, is shown rooms in which it finds no mouth."""
    network = PartsNetwork((2, 2), len(PARTS))
    torch.nn.init.zeros_(network.head.weight)
    network.head.bias = torch.nn.Parameter(20.0 * torch.eye(len(PARTS))[1])  # all is skin
    save_u_net(tmp_path / "skin.safetensors", network, 32)
    monkeypatch.setattr(preflight, "LOOKED_AT", 16)
    asked = ["scorer.name=property", "scorer.target=mouth", f"scorer.weights={tmp_path / 'skin.safetensors'}"]
    config = load_config(overrides=asked)
    blind = replace(models, scorer=make_scorer(config.scorer))
    with pytest.raises(ConfigError, match=r"no score for any of the first 16 latents, because of no eyes; .*'rooms'"):
        check_labels(blind, config)
    check_labels(models, load_config())  # NaN of other scorers are a fault, which the fit tells


def test_the_second_scorers_mistakes_are_told_apart_from_the_first_ones(models: Models) -> None:
    config = load_config(overrides=["mask.second_scorer.name=luminanz"])
    with pytest.raises(ConfigError, match=r"mask\.second_scorer.*Did you mean 'luminance'"):
        check_models(models, config)


def test_a_file_that_is_no_judge_of_pictures_is_found_before_the_run(models: Models, tmp_path: Path) -> None:
    """A scorer without features leaves it to `invert.networks` to say how far picture and reconstruction are apart."""
    Image.new("RGB", (64, 64)).save(tmp_path / "room.png")
    config = load_config(
        overrides=[
            f"output={tmp_path / 'run'}",
            "source.kind=pictures",
            f"source.pictures={tmp_path}",
            "scorer.name=luminance",
            "attribute=brightness",
            f"invert.networks.efficientnet_lite0={embedded_path('rooms_scorer.safetensors')}",
        ]
    )
    with pytest.raises(WeightsError, match="rooms_scorer"):
        check_models(replace(models, scorer=make_scorer(config.scorer)), config)
