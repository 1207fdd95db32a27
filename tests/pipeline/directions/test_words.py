"""A text's direction through style channels, on a generator whose channels each light one block."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import load_config
from higan_cam.errors import ConfigError, WeightsError
from higan_cam.generate import DCGAN, StyleGAN2
from higan_cam.generate.styles import style_affines
from higan_cam.manipulate.directions.words import RELEVANCES, channel_weights
from higan_cam.pipeline import Models
from higan_cam.pipeline.directions import Asked, TextAsked, find_directions, methods, text_model_of, wish_of
from higan_cam.pipeline.directions.texts import Wish
from higan_cam.pipeline.directions.words import channel_responses, words_direction, words_moves
from higan_cam.store import open_store
from higan_cam.store.keys import channels_key
from higan_cam.weights.files import encode_tensors
from tests.support.block_generator import BLOCK, BlockGenerator
from tests.support.generators import small, small_latent
from tests.support.scorers import WeightedMean

CODES = np.random.default_rng(7).standard_normal((200, 6)).astype(np.float32)
NAMES = tuple(f"row {row} block {block}" for row in range(2) for block in range(3))
WISH = Wish(lambda picture: Blocks().encode_pictures((picture + 1) / 2), torch.eye(7)[[4]], torch.eye(7)[[6]])


@dataclass
class Blocks(torch.nn.Module):
    """Sees how light each channel's block is; a block's name is the text for it, and `a picture` that for nothing."""

    looked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        self.looked.append(len(pictures))
        means = torch.nn.functional.avg_pool2d(pictures.mean(dim=1), BLOCK)[:, :2, :3].flatten(1)
        return torch.cat([means, torch.zeros(len(means), 1)], dim=1)

    def encode_words(self, texts: list[str]) -> Tensor:
        return torch.eye(7)[[(*NAMES, "a picture").index(text) for text in texts]]


def test_the_channel_of_the_asked_block_is_moved_and_no_other() -> None:
    generator = BlockGenerator()
    found = channel_responses(generator, generator.truncate(torch.zeros(2, 6)), WISH.see, generator.affines, CODES)
    assert found.rows == (0, 0, 0, 1, 1, 1)
    moves = words_moves(found, Wish(WISH.see, torch.eye(7)[[0]], WISH.neutral), 2, 0.2)
    assert not moves[1].any()
    changed = np.abs(generator.affines[0].weight @ moves[0])
    assert changed[1:].max() < 1e-5 < changed[0]


def test_towards_a_text_the_picture_changes_as_the_text_says() -> None:
    generator = BlockGenerator()
    wish = Wish(WISH.see, torch.eye(7)[[5]], WISH.neutral)
    start = generator.truncate(torch.zeros(2, 6))
    found = channel_responses(generator, start, wish.see, generator.affines, CODES)
    direction = words_direction(found, generator.affines, (0.5, 1.0), wish, "words_test", 0.2)
    assert (direction.method, direction.figures["channels"], direction.figures["of"]) == ("words", 1, 6)
    moved = start + torch.from_numpy(direction.vector)
    change = wish.see(generator.synthesize(moved)[0]) - wish.see(generator.synthesize(start)[0])
    assert float(change[0, 5]) > 0


def test_channels_are_looked_at_once_and_a_row_that_is_there_is_not_drawn_again(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, seeing, store = BlockGenerator(), Blocks(), open_store(str(tmp_path))
    monkeypatch.setattr(methods, "style_affines", lambda generator: generator.affines)
    monkeypatch.setattr(methods, "load_text_model", lambda *_: seeing)
    models = Models(generator, WeightedMean(torch.tensor(1.0)), torch.device("cpu"))

    def found(text: str, rows: tuple[int, ...]) -> bytes:
        asked = Asked(1, rows, codes=64, looks=2, text=TextAsked(text, "a picture"), store=store)
        return find_directions(models, load_config(), "words", asked)[0].vector.tobytes()

    first, looked = found(NAMES[0], (0,)), len(seeing.looked)
    assert found(NAMES[0], (0,)) == first
    assert len(seeing.looked) == looked
    found(NAMES[5], (0, 1))
    assert 0 < len(seeing.looked) - looked <= looked


@pytest.mark.parametrize("drawn", ["truncation_psi=0.5", "weights=faces"])
def test_what_was_seen_of_pictures_that_are_drawn_otherwise_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: str
) -> None:
    generator, seeing = BlockGenerator(), Blocks()
    monkeypatch.setattr(methods, "style_affines", lambda generator: generator.affines)
    monkeypatch.setattr(methods, "text_model_of", lambda *_: seeing)
    models = Models(generator, WeightedMean(torch.tensor(1.0)), torch.device("cpu"))
    text = TextAsked(NAMES[0], "a picture")
    asked = Asked(1, (0,), codes=64, looks=2, text=text, store=open_store(str(tmp_path)))
    counts = [len(seeing.looked)]
    for settings in ([], [], [f"generator.{drawn}"]):
        find_directions(models, load_config(None, settings), "words", asked)
        counts.append(len(seeing.looked))
    assert [after - before > 0 for before, after in pairwise(counts)] == [True, False, True]


@pytest.mark.parametrize("damage", ["shape", "number"])
def test_a_damaged_file_of_channels_is_named(tmp_path: Path, damage: str) -> None:
    generator, store = BlockGenerator(), open_store(str(tmp_path))
    start = generator.truncate(torch.zeros(2, 6))
    number = damage == "number"
    steps, changes = torch.zeros(3, 6 if number else 5), torch.full((3, 7), torch.nan if number else 0.0)
    store.put(channels_key("b", 0), encode_tensors({"steps": steps, "changes": changes}, {}))
    with pytest.raises(WeightsError, match=r"b-00\.safetensors: steps are \(3, .\).*remove it"):
        channel_responses(generator, start, WISH.see, generator.affines, CODES, store, "b")


def test_rows_of_another_network_are_named(tmp_path: Path) -> None:
    generator, store = BlockGenerator(), open_store(str(tmp_path))
    store.put(channels_key("b", 0), encode_tensors({"steps": torch.zeros(3, 6), "changes": torch.zeros(3, 5)}, {}))
    with pytest.raises(WeightsError, match=r"embeddings of \[5, 7\] numbers; remove them"):
        channel_responses(
            generator, generator.truncate(torch.zeros(2, 6)), WISH.see, generator.affines, CODES, store, "b"
        )


@pytest.mark.parametrize("by", RELEVANCES)
def test_rows_without_a_channel_are_refused(by: str) -> None:
    with pytest.raises(ConfigError, match="these rows have no channel"):
        channel_weights(np.zeros((0, 4)), np.ones(4), 0.2, by)
    assert RELEVANCES[by](np.zeros((0, 4)), np.ones(4)).shape == (0,)


def test_a_row_that_colours_alone_is_refused_before_a_picture_is_drawn() -> None:
    models = Models(small(StyleGAN2).float(), WeightedMean(torch.tensor(1.0)), torch.device("cpu"))
    row = models.generator.num_layers - 1
    asked = Asked(1, (row,), codes=8, looks=2, text=TextAsked("a dark room", "a room"))
    with pytest.raises(ConfigError, match=rf"words: rows \({row},\) have no channel"):
        find_directions(models, load_config(), "words", asked)


def test_two_texts_that_mean_the_same_are_refused() -> None:
    asked = TextAsked("a room", "A room.")
    with pytest.raises(ConfigError, match="both texts mean the same"):
        wish_of(text_model_of(asked, "rooms"), asked, torch.device("cpu"))


def test_the_embedded_network_is_refused_for_another_world_and_warns_of_what_nobody_knows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = TextAsked("a dark room", "a room")
    with pytest.raises(ConfigError, match=r"--clip: that embedded network has learned from rooms, and .*draws faces"):
        text_model_of(asked, "faces")
    text_model_of(asked, "rooms")
    assert not caplog.records
    text_model_of(asked, "somebody/elses.pth")
    assert "clip=rooms has learned from procedural rooms" in caplog.text
    with pytest.raises(ConfigError, match=r"^--clip-arch: 'rooms' is embedded"):
        text_model_of(replace(asked, arch="ViT-B-32"), "rooms")


def test_a_generator_without_styles_is_told_what_to_take() -> None:
    models = Models(small_latent(DCGAN).float(), WeightedMean(torch.tensor(1.0)), torch.device("cpu"))
    asked = Asked(1, (0,), codes=8, looks=2, text=TextAsked("a room", "a room"))
    with pytest.raises(ConfigError, match="take --method text"):
        find_directions(models, load_config(), "words", asked)


def test_a_row_that_colours_alone_has_no_channel() -> None:
    generator = small(StyleGAN2).float()
    last = [each for each in style_affines(generator) if each.row == generator.num_layers - 1]
    assert all(each.colour for each in last)
    codes = np.random.default_rng(0).standard_normal((20, generator.w_dim)).astype(np.float32)
    start = generator.truncate(torch.from_numpy(codes[:2]))
    found = channel_responses(generator, start, lambda picture: picture.mean(dim=(2, 3)), last, codes)
    assert (found.steps.shape, found.changes.shape) == ((0, generator.w_dim), (0, 3))
