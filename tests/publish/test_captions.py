"""Captions say what the run measured, follow from (seed, index), and are never empty."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from higan_cam.config import CaptionConfig
from higan_cam.publish.captions import level_of, level_word, position_of, words_of
from higan_cam.types import Captions, Ellipse, Region

RANGE = (0.0, 3.0)
WORDS = CaptionConfig()
scores = st.floats(-1, 4) | st.just(math.nan)
sizes = st.tuples(st.integers(3, 300), st.integers(3, 300))


def region_at(y: float, x: float, rank: int = 0) -> Region:
    rle = {"size": [1, 1], "counts": ""}
    return Region(rank, 9, 0.5, 1.0, 4.5, 9, (y, x), (y, x), Ellipse(3.0, 3.0, 0.0), (0, 0, 3, 3), rle)


def said(words: CaptionConfig = WORDS, **values: Any) -> Captions:
    defaults: dict[str, Any] = {
        "attribute": "indoor_lighting",
        "seed": 3,
        "index": 5,
        "score_negative": 0.1,
        "score_positive": 2.9,
        "score_range": RANGE,
        "regions": (region_at(10, 12),),
        "size": (90, 90),
    }
    return words_of(words, **{**defaults, **values})


def all_of(words: Captions) -> list[str]:
    return [*words.captions, words.text, words.prompt, words.prompt_before, words.edit_prompt, words.undo_prompt]


def test_the_issues_example() -> None:
    words = said()
    assert words.captions[0] == "a bedroom with a bright lamp at the upper left"
    assert "an unlit bedroom" in {said(index=index).prompt_before for index in range(40)}
    assert {said(index=index).edit_prompt for index in range(40)} == {
        "turn on the lamp at the upper left",
        "switch on a lamp at the upper left",
        "light up the bedroom at the upper left",
    }


@given(
    seed=st.integers(0, 2**63 - 1),
    index=st.integers(0, 2**63 - 1),
    before=scores,
    after=scores,
    places=st.lists(st.tuples(st.floats(-1, 300), st.floats(-1, 300)), max_size=4),
    size=sizes,
)
def test_words_are_never_empty_and_say_the_same_again(
    seed: int, index: int, before: float, after: float, places: list[tuple[float, float]], size: tuple[int, int]
) -> None:
    values: dict[str, Any] = {
        "seed": seed,
        "index": index,
        "score_negative": before,
        "score_positive": after,
        "regions": [region_at(y, x, rank) for rank, (y, x) in enumerate(places)],
        "size": size,
    }
    words = said(**values)
    assert words == said(**values)
    for text in all_of(words):
        assert text.strip() == text != ""
        assert "{" not in text
    assert words.text in words.captions


@given(y=st.floats(0, 1, exclude_max=True), x=st.floats(0, 1, exclude_max=True), size=sizes)
def test_position_words_agree_with_the_centroid(y: float, x: float, size: tuple[int, int]) -> None:
    centroid = (y * size[0] - 0.5, x * size[1] - 0.5)
    caption = said(regions=(region_at(*centroid),), size=size).captions[0].split()
    edge = 1e-6
    for share, low, high in ((y, ("upper", "top"), ("lower", "bottom")), (x, ("left",), ("right",))):
        assert any(word in caption for word in low) == (share < 1 / 3) or abs(share - 1 / 3) < edge
        assert any(word in caption for word in high) == (share >= 2 / 3) or abs(share - 2 / 3) < edge


def test_every_place_is_named_once_by_rank() -> None:
    regions = (region_at(80, 80, 1), region_at(1, 1, 2), region_at(2, 45, 0), region_at(2, 2, 3))
    config = CaptionConfig(templates=("{positions}",))
    assert said(config, regions=regions).text == "at the top, at the lower right and at the upper left"


def test_without_a_region_no_place_is_made_up() -> None:
    for index in range(20):
        words = said(regions=(), index=index)
        assert not [text for text in all_of(words) for place in WORDS.positions if place in text]
        assert (words.edit_prompt, words.undo_prompt) in (
            ("turn on the lights", "turn off the lights"),
            ("make the bedroom brighter", "make the bedroom darker"),
        )


def test_the_way_back_belongs_to_the_way_there() -> None:
    pairs = {(words.edit_prompt, words.undo_prompt) for words in (said(index=index) for index in range(40))}
    assert ("turn on the lamp at the upper left", "turn off the lamp at the upper left") in pairs
    assert len(pairs) == len(WORDS.edit_templates)


def test_samples_differ_in_the_caption_they_use() -> None:
    used = [said(index=index).text for index in range(200)]
    counts = [used.count(text) for text in sorted(set(used))]
    assert len(counts) == len(WORDS.templates)
    assert min(counts) > 20


def test_templates_that_come_out_the_same_are_one_caption() -> None:
    assert said(CaptionConfig(templates=("{scene}", "bedroom"))).captions == ("bedroom",)


def test_articles_follow_the_word_and_literal_text_stays() -> None:
    config = CaptionConfig(templates=("A {level} plan a on {{a}} a {scene}",), levels=("orange",), scene="attic")
    assert said(config).text == "An orange plan a on {a} an attic"


@given(score=st.floats(-10, 10), count=st.integers(1, 7))
def test_levels_rise_with_the_score_and_cover_the_range(score: float, count: int) -> None:
    level = level_of(score, RANGE, count)
    assert 0 <= level < count
    assert level_of(score + 1, RANGE, count) >= level
    assert [level_of(3 * (k + 0.5) / count, RANGE, count) for k in range(count)] == list(range(count))


def test_a_score_that_is_not_a_number_gets_the_weakest_word_and_no_level() -> None:
    assert level_word(math.nan, RANGE, ("weak", "strong")) == "weak"
    with pytest.raises(ValueError, match="no level"):
        level_of(math.nan, RANGE, 2)


def test_ninths_are_numbered_row_by_row() -> None:
    grid = [[position_of((y, x), (9, 9)) for x in range(9)] for y in range(9)]
    assert np.array_equal(np.array(grid), np.repeat(np.repeat(np.arange(9).reshape(3, 3), 3, 0), 3, 1))


def test_a_centroid_outside_the_picture_is_in_its_nearest_ninth() -> None:
    assert (position_of((-1.0, 99.0), (9, 9)), position_of((99.0, 4.0), (9, 9))) == (2, 7)


def test_captions_follow_rank_and_not_the_order_of_the_regions() -> None:
    first, second = region_at(1, 1, 0), region_at(80, 80, 1)
    assert said(regions=(second, first)) == said(regions=(first, second))
    assert said(regions=(replace(first, rank=2), second)).captions[0].endswith("lower right")
