"""The page of a finished training without pairs, as generators have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from higan_cam.measure.generation.verdicts import Verdict
from higan_cam.publish.report.generator import GeneratorContent, VerdictView, Words, render_generator
from higan_cam.relight.translator import Translator
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.watch import sheet_of
from higan_cam.train.translator.export import WEIGHTS
from higan_cam.train.translator.looks import HELD_OUT, LOOKED, Look
from higan_cam.train.translator.page import curves_of
from higan_cam.train.translator.unpaired.looks import evidence, judged_of, switched
from higan_cam.train.translator.unpaired.reading import Folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.types import ByteArray, Interval

PAIRS = 6
"""Pictures that show a fault, at most."""
WORDS = Words(
    title="A translator without pairs, lamp off to lamp on and back:",
    lede="What it makes of pictures that it has not seen, how that came, and what went wrong.",
    samples="Held-out pictures",
    first="Lamps off, each with the answer on its right, which has light added.",
    second="Lamps on, each with the answer on its right, which has light taken away.",
    figures=(
        "On pictures that nothing was trained on, mean absolute differences of display values with 95% intervals: "
        "there and back again (cycle), and where nothing is to be done (identity). They do not say that the light is "
        "right: no pair was there to ask. A perfect cycle may carry a picture past the other kind unseen."
    ),
)


def unpaired_page(
    settings: UnpairedSettings,
    looks: Sequence[Look],
    folders: Folders,
    networks: tuple[Translator, Translator],
    said: tuple[Sequence[Verdict], Sequence[Verdict]],
    figures: dict[str, Any],
) -> str:
    """One self-contained page.

    Args:
        looks: all of them. networks: that adds light, and that takes it away. said: what monitors say of each.
        figures: the contents of `metrics.json`.
    """
    kinds = folders.off, folders.on
    samples, reals = (_sheet(network, kind) for network, kind in zip(networks, kinds, strict=True))
    content = GeneratorContent(
        weights=WEIGHTS,
        pictures=" and ".join(place.rstrip("/").rpartition("/")[2] for place in (settings.off, settings.on)),
        numbers={**figures["held out"], "of each shown, thousands": looks[-1].kpairs},
        facts={**figures["facts"], "response": settings.response, "norm": settings.norm, "seed": settings.seed},
        samples=samples,
        reals=reals,
        curves=tuple(curves_of(looks)),
        figures={HELD_OUT: {name.replace("_", " "): Interval(**each) for name, each in figures["figures"].items()}},
        verdicts=tuple(view for each in zip(said, networks, kinds, strict=True) for view in _views(*each)),
        words=WORDS,
    )
    return render_generator(content)


def _sheet(network: Translator, kind: Pictures) -> ByteArray:
    """(H,W,3): pictures, each with its answer on its right."""
    shown = kind.held_out[:LOOKED]
    return sheet_of(np.stack([shown, switched(network, shown)], axis=1).reshape(-1, *shown.shape[1:]))


def _views(said: Sequence[Verdict], network: Translator, kind: Pictures) -> Iterator[VerdictView]:
    before = judged_of(kind)
    for each in said:
        seen = tuple(evidence(each, before, network, PAIRS))
        yield VerdictView(each.name, each.value, each.fault, each.words, seen)
