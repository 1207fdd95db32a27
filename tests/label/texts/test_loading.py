"""Networks that know pictures and texts, through one door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label.texts import TextModel, load_text_model
from higan_cam.label.texts.towers import OTHER, PADDING, Towers, load_towers, save_towers
from higan_cam.weights.files import save_tensors

WORDS = ("a", "blanket", "dark", "red", "room")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_towers(tmp_path / "own.safetensors", Towers(WORDS, side=32, widths=(4, 8), text_width=8, longest=6, size=5))
    return tmp_path / "own.safetensors"


def test_pictures_and_words_are_unit_vectors_of_one_space(own: Path) -> None:
    model: TextModel = load_text_model(str(own))
    seen, read = model.encode_pictures(torch.rand(3, 3, 40, 40)), model.encode_words(["A red room!", "a blanket"])
    assert (seen.shape, read.shape) == ((3, 5), (2, 5))
    torch.testing.assert_close(torch.cat([seen, read]).norm(dim=1), torch.ones(5))


def test_pictures_have_a_slope_and_values_are_those_from_0_to_1(own: Path) -> None:
    model = load_text_model(str(own))
    pictures = torch.rand(1, 3, 32, 32, requires_grad=True)
    model.encode_pictures(pictures)[0, 0].backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().max()) > 0
    black = torch.zeros(1, 3, 32, 32)
    torch.testing.assert_close(model.encode_pictures(black), model.encode_pictures(black - 0.5))


def test_what_stands_beside_a_sentence_does_not_change_it(own: Path) -> None:
    model = load_text_model(str(own))
    alone, beside = model.encode_words(["red"]), model.encode_words(["red", "a dark red room"])[:1]
    torch.testing.assert_close(alone, beside)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a green room", "the word 'green' is not known here; known are a, blanket, dark, red, room"),
        ("...", "has 0 words; 1 to 6 are read"),
        ("red " * 7, "has 7 words"),
    ],
)
def test_a_text_that_means_nothing_is_told_with_what_is_known(own: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_text_model(str(own)).encode_words([text])


def test_unknown_words_and_the_end_of_a_sentence_have_numbers_of_their_own() -> None:
    towers = Towers(WORDS, side=32, widths=(4, 8), text_width=8)
    assert towers.number([["a", "so"], ["room"]]).tolist() == [[2, OTHER], [6, PADDING]]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("open_clip")
    save_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(ConfigError, match=r"name the model, such as ViT-B-32"):
        load_text_model(str(tmp_path / "other.safetensors"))
    save_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {"settings": '{"vocabulary": ["a"]}'})
    with pytest.raises(WeightsError, match="other"):
        load_text_model(str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize(
    "wrong",
    [{"widths": []}, {"size": -1}, {"longest": 0}, {"side": "a"}, {"text_width": 100}, {"vocabulary": 3}, {"more": 1}],
)
def test_towers_that_cannot_be_are_refused_with_their_file(wrong: dict[str, object], tmp_path: Path) -> None:
    towers = Towers(WORDS, side=32, widths=(4, 8), text_width=8, longest=6, size=5)
    settings = {"settings": json.dumps({**towers.settings, **wrong})}
    save_tensors(tmp_path / "wrong.safetensors", towers.state_dict(), settings)
    with pytest.raises(WeightsError, match=r"wrong\.safetensors: no towers"):
        load_towers(tmp_path / "wrong.safetensors")


def test_no_text_is_no_row(own: Path) -> None:
    assert load_text_model(str(own)).encode_words([]).shape == (0, 5)


def test_an_architecture_of_what_is_embedded_is_refused() -> None:
    with pytest.raises(ConfigError, match="arch: 'rooms' is embedded and knows its own, 'ViT-B-32'"):
        load_text_model("rooms", "ViT-B-32")


def test_a_missing_file_is_named() -> None:
    pytest.importorskip("open_clip")
    with pytest.raises(WeightsError, match="/nope"):
        load_text_model("/nope")
