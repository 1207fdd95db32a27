"""Words for a sample: captions, prompts and editing instructions from templates, the score and the regions.

What the words know is what the run measured, and no more: the level is the scorer's of that picture, the place is the
centroid of a region. `subject` is the configured noun for what a region shows; nothing here has seen a lamp.

Everything follows from (seed, index), the configuration and the sample's figures, so that a sample that is made again
says the same again.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence

from higan_cam.config import CaptionConfig
from higan_cam.types import Captions, Region

_ARTICLE = re.compile(r"\b([Aa]) \{(\w+)\}")


def words_of(
    words: CaptionConfig,
    *,
    attribute: str,
    seed: int,
    index: int,
    score_negative: float,
    score_positive: float,
    score_range: tuple[float, float],
    regions: Sequence[Region],
    size: tuple[int, int],
) -> Captions:
    """The words of one sample; none of them is empty.

    Args:
        words: templates and vocabulary.
        attribute: of the run; underscores become spaces.
        seed, index: decide which template is used where there is a choice.
        score_negative, score_positive: of `negative` and `image`; each decides that picture's level.
        score_range: of the scorer, divided evenly into the levels.
        regions: by rank; without any, the plain templates are used.
        size: (height, width) of the pictures, pixels.
    """
    common = {"scene": words.scene, "subject": words.subject, "attribute": attribute.replace("_", " ")}
    before = {**common, "level": level_word(score_negative, score_range, words.levels)}
    after = {**common, "level": level_word(score_positive, score_range, words.levels)}
    captions, edits, undos = words.plain_templates, words.plain_edit_templates, words.plain_undo_templates
    if regions:
        after.update(_places(regions, size, words.positions))
        captions, edits, undos = words.templates, words.edit_templates, words.undo_templates
    edit = _choice(seed, index, "edit", len(edits))
    plain = words.plain_templates[_choice(seed, index, "prompt", len(words.plain_templates))]
    rendered = tuple(dict.fromkeys(_render(template, after) for template in captions))
    return Captions(
        text=rendered[_choice(seed, index, "text", len(rendered))],
        prompt=_render(plain, after),
        prompt_before=_render(plain, before),
        edit_prompt=_render(edits[edit], after),
        undo_prompt=_render(undos[edit], {**after, "level": before["level"]}),
        captions=rendered,
    )


def example(words: CaptionConfig, attribute: str) -> tuple[str, str]:
    """A caption and an editing instruction as a run would write them: strong, with one region, in the center."""
    center = words.positions[len(words.positions) // 2]
    values = {"scene": words.scene, "subject": words.subject, "attribute": attribute.replace("_", " ")}
    values |= {"level": words.levels[-1], "position": center, "positions": center}
    return _render(words.templates[0], values), _render(words.edit_templates[0], values)


def level_of(score: float, score_range: tuple[float, float], count: int) -> int:
    """Which of `count` equal steps of the scorer's range a score is in; beyond the ends, the step at that end.

    Raises:
        ValueError: for a score that is not a number.
    """
    if math.isnan(score):
        raise ValueError("a score that is not a number has no level")
    low, high = score_range
    return min(count - 1, max(0, math.floor(count * min(1.0, max(0.0, (score - low) / (high - low))))))


def level_word(score: float, score_range: tuple[float, float], levels: Sequence[str]) -> str:
    """The word of a score's level; a score that is not a number has none, and gets the weakest."""
    return levels[0 if math.isnan(score) else level_of(score, score_range, len(levels))]


def position_of(point: tuple[float, float], size: tuple[int, int]) -> int:
    """(y, x) pixels in a picture of (height, width) -> its ninth, 0 to 8, row by row from the upper left."""
    row, column = (min(2, max(0, int(3 * (place + 0.5) / side))) for place, side in zip(point, size, strict=True))
    return 3 * row + column


def _places(regions: Sequence[Region], size: tuple[int, int], positions: Sequence[str]) -> dict[str, str]:
    """{position}: of the region of rank 0; {positions}: of all, by rank, each place once."""
    ranked = sorted(regions, key=lambda region: region.rank)
    places = list(dict.fromkeys(positions[position_of(region.centroid, size)] for region in ranked))
    listed = " and ".join([", ".join(places[:-1]), places[-1]] if len(places) > 1 else places)
    return {"position": places[0], "positions": listed}


def _render(template: str, values: dict[str, str]) -> str:
    """The template filled in, with one space between words; "a {level}" becomes "an unlit" before a vowel."""

    def article(match: re.Match[str]) -> str:
        vowel = values[match[2]][:1].lower() in tuple("aeiou")
        return f"{match[1]}{'n' if vowel else ''} {{{match[2]}}}"

    return " ".join(_ARTICLE.sub(article, template).format_map(values).split())


def _choice(seed: int, index: int, purpose: str, count: int) -> int:
    """A number below `count` that looks random and follows from (seed, index, purpose)."""
    drawn = hashlib.sha256(f"{seed}:{index}:{purpose}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") % count
