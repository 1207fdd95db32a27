"""Sentences about rooms: what they claim is what the factors say, and nothing is said of what lies in between."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.generate.latents import sample_latents
from higan_cam.rooms import scene_of
from higan_cam.rooms.scene import LAMPS
from higan_cam.rooms.statements import (
    KEYS,
    NEEDS,
    PHRASES,
    UNKNOWN,
    VALUES,
    contradicted,
    facts_of,
    neutral,
    statement,
    true_claims,
    truth_of,
    vocabulary,
)
from higan_cam.worlds.words import words_of

SCENES = scene_of(sample_latents(range(200), 3, 128))
FACTS = facts_of(SCENES)


def column(key: str) -> np.ndarray:
    return FACTS[:, KEYS.index(key)]


def draws(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("key", KEYS)
def test_every_value_is_true_of_some_rooms_and_has_words(key: str) -> None:
    assert set(column(key)) - {UNKNOWN} == set(range(len(VALUES[key])))
    assert all(PHRASES[key, value] for value in VALUES[key])


def test_a_factor_in_between_says_nothing() -> None:
    warmth = SCENES.column("wall_warmth")
    assert ((warmth > 0.35) & (warmth < 0.65) == (column("warmth") == UNKNOWN)).all()


def test_lamps_that_are_off_or_absent_do_not_count() -> None:
    burning = SCENES.present * SCENES.brightness
    sure = (burning < 0.08) | (burning > 0.3)
    known = column("count") != UNKNOWN
    assert (known == sure.all(axis=1)).all()
    assert (np.minimum((burning[known] > 0.3).sum(axis=1), 4) == column("count")[known]).all()
    desk = burning[:, LAMPS.index("desk")]
    assert (desk[column("desk") == 1] > 0.3).all()


@pytest.mark.parametrize(("key", "thing"), NEEDS.items())
def test_a_thing_that_is_not_there_has_no_colour_and_a_sentence_about_it_is_false(key: str, thing: str) -> None:
    absent = column(thing) == 0
    assert (column(key)[absent] == UNKNOWN).all()
    for value in range(2):
        said = statement({key: value}, draws(0))
        assert (truth_of(np.array([said.claims]), FACTS)[0][absent] == 0).all()


def test_true_sentences_are_true_of_their_room_and_contradicted_ones_are_not() -> None:
    for number, room in enumerate(FACTS[:60]):
        draw = draws(number)
        claimed = true_claims(room, 1 + number % 5, draw)
        both = np.array([statement(each, draw).claims for each in (claimed, contradicted(claimed, draw))])
        assert truth_of(both, room[None]).ravel().tolist() == [1, 0]


@pytest.mark.parametrize("turns", range(3))
def test_no_contradicted_caption_of_all_facts_is_true_whatever_hangs_on_what_was_turned(turns: int) -> None:
    for number, room in enumerate(FACTS):
        draw = draws(len(FACTS) * turns + number)
        other = contradicted(true_claims(room, None, draw), draw)
        assert truth_of(np.array([statement(other, draw).claims]), room[None]).item() == 0
        assert not [key for key, thing in NEEDS.items() if key in other and other.get(thing) == 0]


def test_what_is_said_of_a_thing_counts_more_than_that_its_colour_needs_it() -> None:
    said = statement({"rug": 0, "rug_hue": 1}, draws(0))
    assert said.claims[KEYS.index("rug")] == 0


def test_a_sentence_without_a_claim_is_true_of_every_room() -> None:
    assert (truth_of(np.array([neutral(draws(0)).claims]), FACTS) == 1).all()


def test_phrases_of_one_value_are_said_of_no_other() -> None:
    said: dict[str, set[tuple[str, str]]] = {}
    for (key, value), phrases in PHRASES.items():
        for phrase in phrases:
            said.setdefault(phrase, set()).add((key, value))
    shared = {phrase: meanings for phrase, meanings in said.items() if len(meanings) > 1}
    assert all(meanings == {("lit", "off"), ("count", "none")} for meanings in shared.values())


def test_every_word_of_every_sentence_is_in_the_vocabulary() -> None:
    words = set(vocabulary())
    for number, room in enumerate(FACTS[:40]):
        assert set(words_of(statement(true_claims(room, None, draws(number)), draws(number)).text)) <= words
    assert {"two", "lamps", "red", "blanket", "dark", "room"} <= words
