"""The embedded network of rooms and words: small, with a card, and right about rooms that it has not learned from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.generate.latents import sample_latents
from higan_cam.label.texts import TextModel, load_text_model
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.statements import KEYS, VALUES, facts_of, vocabulary
from higan_cam.weights.embedded import EMBEDDED_TEXTS, embedded_path

SEED = 20_251_021
"""Latents that neither training nor the card has used."""
PAIRS = [
    ("day", "a room by day", "a room at night"),
    ("furniture", "white furniture", "dark wood"),
    ("light", "a bright room", "a dark room"),
    ("plant", "a plant", "no plant"),
]


@pytest.fixture(scope="module")
def model() -> TextModel:
    return load_text_model("rooms")


def test_each_has_a_card_and_is_small() -> None:
    for embedded in EMBEDDED_TEXTS.values():
        path = embedded_path(embedded.file)
        assert path.stat().st_size < 4_000_000
        assert path.with_suffix(".md").is_file()


def test_its_vocabulary_is_that_of_the_sentences(model: TextModel) -> None:
    assert model.encode_words([" ".join(vocabulary())]).isfinite().all()


@pytest.mark.parametrize(("key", "one", "other"), PAIRS)
def test_it_knows_new_rooms(model: TextModel, key: str, one: str, other: str) -> None:
    z = sample_latents(range(160), SEED, 128)
    facts = facts_of(scene_of(z))[:, KEYS.index(key)]
    values = {"furniture": (2, 0)}.get(key, (1, 0))
    chosen = np.flatnonzero(np.isin(facts, values))[:40]
    with torch.no_grad():
        seen = model.encode_pictures((render(z[chosen], 64) + 1) / 2)
        first, second = (seen @ model.encode_words([one, other]).T).T
    right = ((first > second).numpy() == (facts[chosen] == values[0])).mean()
    assert VALUES[key]
    assert right > 0.85
