"""The page of a finished training of a translator, as generators have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from higan_cam.publish.report.generator import Curve, GeneratorContent, Words, render_generator
from higan_cam.relight.translator import Translator
from higan_cam.train.gan.watch import sheet_of
from higan_cam.train.translator.looks import HELD_OUT, HISTORY, Look, Looks, answers, read_looks
from higan_cam.train.translator.settings import TranslatorSettings
from higan_cam.types import Interval

WORDS = Words(
    title="A translator, lamp off to lamp on:",
    lede="What light it adds to pictures that it has not seen, how that came, and what to believe of it.",
    samples="Held-out pictures",
    first="Lamps off in the first pairs that are held out, with the light that it adds.",
    second="The same with their lamps on, in truth.",
    figures=(
        "On pairs that nothing was trained on, means with 95% intervals: dB against the true pictures, or mean "
        "absolute differences of display values. Unlit is the picture as it was. Where the curve of what was trained "
        "on leaves that of other latents below, it learns by heart."
    ),
)


def translator_page(settings: TranslatorSettings, looks: Looks, translator: Translator, figures: dict[str, Any]) -> str:
    """One self-contained page, out of the history and `metrics.json`."""
    held_out, every = looks.shown[HELD_OUT], read_looks(Path(settings.output) / HISTORY)
    (kind, count), *_ = figures["held out"].items()
    content = GeneratorContent(
        weights="translator.safetensors",
        pictures=settings.datasets[0].rpartition("/")[2] if settings.datasets else "rooms",
        numbers={f"{kind} held out": count, "pairs shown, thousands": every[-1].kpairs},
        facts={**figures["facts"], "response": settings.response},
        samples=sheet_of(answers(translator, held_out)),
        reals=sheet_of(held_out.on),
        curves=tuple(curves_of(every, "dB, {}")),
        figures={HELD_OUT: {name.replace("_", " "): Interval(**each) for name, each in figures["figures"].items()}},
        words=WORDS,
    )
    return render_generator(content)


def curves_of(looks: Sequence[Look], named: str = "{}") -> Iterator[Curve]:
    """Every figure that was taken twice or more often, under a name made from its own."""
    if len(looks) > 1:
        for name in looks[-1].figures:
            yield Curve(named.format(name), tuple((look.kpairs, look.figures[name]) for look in looks))
