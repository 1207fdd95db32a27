"""The page of a training run of a generator: what it draws, how that came, and what to believe of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from jinja2 import Environment

from higan_cam.publish.card import card_environment
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report import pictures as images
from higan_cam.publish.report.charts import Chart, band_chart
from higan_cam.publish.report.templating import page_environment
from higan_cam.types import ByteArray, Interval


@dataclass(frozen=True)
class Curve:
    """One figure over the training.

    Attributes:
        name: such as "Frechet distance, efficientnet_lite0".
        points: (thousands of pictures shown, the figure then), in order, two or more.
    """

    name: str
    points: tuple[tuple[float, Interval], ...]

    @property
    def chart(self) -> Chart:
        """The curve with its intervals."""
        at = np.array([kimg for kimg, _ in self.points])
        value, low, high = (
            np.array([getattr(each, end) for _, each in self.points]) for end in ("value", "low", "high")
        )
        ends = f"{fmt.format_number(value[0])} to {fmt.format_number(value[-1])}"
        return band_chart(
            at,
            (value, low, high),
            label=f"{self.name}: from {ends}",
            x_title="thousands of pictures",
            y_title=self.name,
        )


@dataclass(frozen=True, eq=False)
class VerdictView:
    """What a monitor says.

    Attributes:
        value: "clean", the fault, "too poor to say" or "not measured"; alarming: whether it is a fault.
        words: why.
        evidence: pictures that show it, side by side.
    """

    name: str
    value: str
    alarming: bool
    words: str
    evidence: tuple[ByteArray, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the page calls things; a generator's unless said.

    Attributes:
        title: before where the pictures come from; lede: below it.
        samples: heading of both sheets; first, second: what they show; figures: how the figures are to be read.
    """

    title: str = "A generator of"
    lede: str = "What it draws, how that came, and what to believe of it."
    samples: str = "Samples"
    first: str = "Samples: the first codes of the seed, not chosen."
    second: str = "Pictures that it was trained on, evenly taken."
    figures: str = (
        "Samples against real pictures, with 95% intervals. Distances fall with the number of pictures and change with "
        "the network and the filter: compare only what was measured as the table below says. Precision and density: "
        "share of samples that lie among the reals; recall and coverage: share of reals that the samples reach. "
        "Samples that are mush may recall much."
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorContent:
    """The page and the card, also of other networks that make pictures: then `words` says what is shown.

    Attributes:
        weights: the file of the generator; begun_from: the weights that it began from, "" for random ones.
        pictures: where they come from; numbers: of the training, by name, shown first; facts: its settings.
        samples, reals: a sheet each, (H,W,3).
        asked: {property: such a sheet}: a code a row, asked for it from 2 spreads below the pictures' mean to 2 above.
        ticks: (thousands of pictures shown, a strip of the same codes then).
        figures: {features: {figure: its last value}}; protocols: {features: how it was measured}.
        unmeasured: why figures are missing, one line each.
        unreadable: {reason: pictures that were passed over}.
    """

    weights: str
    pictures: str
    numbers: Mapping[str, int | float]
    facts: Mapping[str, str | int | float]
    samples: ByteArray
    reals: ByteArray
    asked: Mapping[str, ByteArray] = field(default_factory=dict)
    ticks: tuple[tuple[float, ByteArray], ...] = ()
    curves: tuple[Curve, ...] = ()
    figures: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    protocols: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    verdicts: tuple[VerdictView, ...] = ()
    unmeasured: tuple[str, ...] = ()
    unreadable: Mapping[str, int] = field(default_factory=dict)
    begun_from: str = ""
    words: Words = Words()


def render_generator(content: GeneratorContent) -> str:
    """One self-contained page; equal content gives equal text."""
    return _environment().get_template("generator.html.j2").render(content=content)


def render_generator_card(content: GeneratorContent) -> str:
    """The model card, Markdown."""
    return card_environment().get_template("generator_card.md.j2").render(content=content)


@cache
def _environment() -> Environment:
    return page_environment(
        number=fmt.format_number,
        count=fmt.format_count,
        value=fmt.format_value,
        photo_uri=images.photo_uri,
    )
