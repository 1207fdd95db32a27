"""What to look for: how many directions, on which rows, of which text."""

from __future__ import annotations

from dataclasses import dataclass

from higan_cam.store import Store


@dataclass(frozen=True)
class TextAsked:
    """A text, by a network that knows pictures and texts.

    Attributes:
        text, neutral: what is wanted, and what is there.
        weights, arch: what `load_text_model` takes: `rooms`, or the file of a model.
        steps: of the optimisation, for each sample.
        threshold: words: channels that answer less are left out, see `RELEVANCES`.
    """

    text: str
    neutral: str
    weights: str = "rooms"
    arch: str | None = None
    steps: int = 100
    threshold: float = 0.2


@dataclass(frozen=True)
class Asked:
    """What to look for.

    Attributes:
        count: directions, the best first.
        layers: rows of w+ that they move; StyleSpace looks at the channels of these.
        codes: samples whose codes give components and spreads.
        looks: samples whose pictures StyleSpace changes, one channel at a time.
        by_score: StyleSpace takes the channels to which the run's score answers most, not the local ones.
        near: StyleSpace takes the channels that answer in this box: left, top, width, height, shares of the picture.
        text: for the methods text and words.
        store: where the method words keeps how each row's channels answer, so that the next text need not ask again.
    """

    count: int
    layers: tuple[int, ...]
    codes: int = 4096
    looks: int = 6
    by_score: bool = False
    near: tuple[float, float, float, float] | None = None
    text: TextAsked | None = None
    store: Store | None = None
