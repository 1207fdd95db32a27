"""A text's direction through style channels, on a generator whose channels each light one block."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import load_config
from higan_cam.errors import ConfigError
from higan_cam.generate import DCGAN, StyleGAN2
from higan_cam.generate.styles import style_affines
from higan_cam.pipeline import Models
from higan_cam.pipeline.directions import Asked, TextAsked, find_directions, methods
from higan_cam.pipeline.directions.texts import Wish
from higan_cam.pipeline.directions.words import channel_responses, words_direction, words_moves
from higan_cam.store import open_store
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
