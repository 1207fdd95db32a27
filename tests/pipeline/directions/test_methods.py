"""Directions by name, on a generator whose answer is planted and on small ones of every kind."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from higan_cam.config import load_config
from higan_cam.errors import ConfigError
from higan_cam.generate import DCGAN, PGGAN, StyleGAN, StyleGAN2
from higan_cam.manipulate.directions import Direction
from higan_cam.pipeline import Models
from higan_cam.pipeline.directions import METHODS, Asked, TextAsked, changes, channels, find_directions, text_name
from higan_cam.pipeline.directions import methods as module
from tests.support.block_generator import BLOCK, GAINS, BlockGenerator
from tests.support.generators import small, small_latent
from tests.support.scorers import WeightedMean

CONFIG = load_config()
ASKED = Asked(3, (0, 1), codes=64, looks=2)


def models_of(generator: torch.nn.Module, weight: float = 1.0) -> Models:
    return Models(generator.float(), WeightedMean(torch.tensor(weight)), torch.device("cpu"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def planted() -> dict[str, Direction]:
    """Every channel of the block generator."""
    generator = BlockGenerator()
    codes = np.random.default_rng(7).standard_normal((200, 6)).astype(np.float32)
    w_plus = generator.truncate(torch.from_numpy(codes[:4]))
    asked = replace(ASKED, by_score=True)
    found = channels(models_of(generator), w_plus, generator.affines, asked, codes)
    return {each.name: each for each in found}


def test_a_planted_channel_answers_in_its_block_alone_by_its_gain(planted: dict[str, Direction]) -> None:
    for row, gains in enumerate(GAINS):
        for channel, gain in enumerate(gains):
            found = planted[f"stylespace_layer{row}_{channel:03d}"]
            style_step = found.figures["spread"] * (BlockGenerator().affines[row].weight[channel] @ found.vector)
            change = gain * abs(style_step) * (0.5, 1.0)[row] / 2  # display values are half of the generator's
            assert found.layers == (row,)
            assert found.figures["fidelity"] == pytest.approx(1)
            assert found.figures["strength"] == pytest.approx(change * BLOCK**2 / 16**2, rel=1e-3, abs=1e-8)
            # 13 of the block's 16 pixels are 5% of the picture
            assert gain == 0 or found.figures["locality"] == pytest.approx(13 / 16, rel=1e-3)
            assert abs(found.figures["score"]) == pytest.approx(2 * 3 * found.figures["strength"], rel=1e-3, abs=1e-7)


def test_a_planted_channel_moves_one_style_and_no_other(planted: dict[str, Direction]) -> None:
    for row, affine in enumerate(BlockGenerator().affines):
        for channel in range(3):
            styles = affine.weight @ planted[f"stylespace_layer{row}_{channel:03d}"].vector
            assert np.abs(np.delete(styles, channel)).max() < 1e-6 < np.abs(styles[channel])


def test_channels_come_in_the_order_of_their_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = BlockGenerator()
    monkeypatch.setattr(module, "style_affines", lambda generator: generator.affines)
    found = find_directions(models_of(generator), CONFIG, "stylespace", Asked(6, (0, 1), codes=500, looks=4))
    assert found[-1].name == "stylespace_layer1_001"  # the channel of gain 0
    by_score = find_directions(
        models_of(generator), CONFIG, "stylespace", Asked(6, (0, 1), codes=500, looks=4, by_score=True)
    )
    scores = [abs(each.figures["score"]) for each in by_score]
    assert scores == sorted(scores, reverse=True)
    with pytest.raises(ConfigError, match=r"rows \(1,\) have 3 channels that w moves, got --count 4"):
        find_directions(models_of(generator), CONFIG, "stylespace", Asked(4, (1,), codes=9, looks=2))


def test_a_box_names_the_channel_that_answers_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = BlockGenerator()
    monkeypatch.setattr(module, "style_affines", lambda generator: generator.affines)
    for row, channel in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2)):
        asked = Asked(1, (0, 1), codes=500, looks=2, near=(channel / 4, row / 4, 0.25, 0.25))
        (found,) = find_directions(models_of(generator), CONFIG, "stylespace", asked)
        assert found.figures["inside"] == pytest.approx(1, abs=1e-3)
        assert found.name == f"stylespace_layer{row}_{channel:03d}"


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("text", "words")])
@pytest.mark.parametrize("kind", [StyleGAN, StyleGAN2])
def test_every_method_fits_every_generator_with_styles(method: str, kind: type[StyleGAN] | type[StyleGAN2]) -> None:
    models = models_of(small(kind))
    one, two = (find_directions(models, CONFIG, method, ASKED) for _ in range(2))
    assert len(one) == 3
    for each, again in zip(one, two, strict=True):
        assert each.vector.tobytes() == again.vector.tobytes()
        assert (each.name, each.figures) == (again.name, again.figures)
        assert set(each.layers) <= {0, 1}
        assert each.figures["spread"] > 0
        assert np.linalg.norm(each.vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("kind", [DCGAN, PGGAN])
def test_without_a_w_only_the_first_layers_weights_say_anything(kind: type[DCGAN] | type[PGGAN]) -> None:
    models, asked = models_of(small_latent(kind)), replace(ASKED, layers=(0,))
    assert len(find_directions(models, CONFIG, "sefa", asked)) == 3
    with pytest.raises(ConfigError, match="its codes are z"):
        find_directions(models, CONFIG, "ganspace", asked)
    with pytest.raises(ConfigError, match="has no styles"):
        find_directions(models, CONFIG, "stylespace", asked)


def test_a_spread_is_the_standard_deviation_along_the_direction() -> None:
    models = models_of(small(StyleGAN2))
    first = find_directions(models, CONFIG, "ganspace", replace(ASKED, codes=500))[0]
    assert first.figures["spread"] == pytest.approx(first.figures["variance"] ** 0.5, rel=2e-3)


def test_an_unknown_method_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'ganspace'"):
        find_directions(models_of(small(StyleGAN2)), CONFIG, "ganspac", ASKED)


def test_changes_are_half_of_the_difference_in_display_values() -> None:
    low, high = torch.full((1, 3, 2, 2), -3.0), torch.full((1, 3, 2, 2), 0.0)
    assert changes(torch.cat([low, high])).tolist() == [[[0.25, 0.25], [0.25, 0.25]]]  # -3 is drawn as black, -1


def test_no_two_texts_have_one_name_whatever_their_alphabet_length_and_neutral_text() -> None:
    long = "a room with " + "very " * 12
    texts = [("красное одеяло", ""), ("赤い毛布", ""), ("A red blanket!", "a blanket"), ("A red blanket!", "a bed")]
    texts += [(f"{long}dark walls", "a room"), (f"{long}light walls", "a room")]
    names = [text_name(TextAsked(*each, "clip.safetensors")) for each in texts]
    assert len(set(names)) == len(names)
    assert names[2] == text_name(TextAsked(*texts[2], "other.safetensors"))
    assert all(re.fullmatch(r"text(_[a-z0-9]+)+", name) for name in names)
