"""From a finished training run to what its page and card show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

import numpy as np

from higan_cam.measure.generation.verdicts import Verdict
from higan_cam.publish.report.generator import Curve, GeneratorContent, VerdictView
from higan_cam.store.uris import read_place
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.steering.properties import names_of
from higan_cam.train.gan.steering.sheets import LEVELS
from higan_cam.train.gan.watch import Tick, Watch, read_history, read_strip, sheet_of, tiled
from higan_cam.types import ByteArray, Interval
from higan_cam.weights.paths import TRAINED

SHOWN, PAIRS = 64, 6
"""Samples on the sheet; pairs of pictures beside a verdict."""
ORDER = ("frechet", "kernel", "precision", "recall", "density", "coverage")
NAMES = {"frechet": "Frechet distance", "kernel": "kernel distance", "by_heart": "learnt by heart"}


def generator_content(
    settings: GanSettings,
    pictures: Pictures,
    watch: Watch,
    samples: ByteArray,
    verdicts: Sequence[Verdict] = (),
    asked: Mapping[str, ByteArray] = MappingProxyType({}),
) -> GeneratorContent:
    """Everything that the page shows, out of the history and the run's output.

    Args:
        samples: (N,S,S,3) uint8, those that the verdicts speak of; the first 64 are shown.
        asked: what `asked_for` draws.
    """
    ticks, last = read_history(watch.store), read_history(watch.store)[-1]
    return GeneratorContent(
        weights=TRAINED,
        pictures=read_place(settings.pictures).path.rpartition("/")[2],
        numbers={"pictures": len(pictures.train), "held out": len(pictures.held_out), "shown, thousands": last.kimg},
        facts={
            "network": settings.network,
            "side": f"{settings.side} px",
            "loss": settings.loss.replace("_", "-"),
            "augmentation": settings.augment,
            "mirror images": "shown" if settings.mirror else "not shown",
            "precision": settings.precision,
            **_others(settings),
            "pictures per step": settings.batch,
            "seed": settings.seed,
        },
        samples=sheet_of(samples[:SHOWN]),
        reals=sheet_of(pictures.train),
        asked={name: tiled(each, len(LEVELS)) for name, each in asked.items()},
        ticks=tuple((tick.kimg, read_strip(watch.store, tick)) for tick in ticks),
        curves=tuple(_curves(ticks)),
        begun_from=_beginning(settings),
        figures={name: _in_order(each.figures) for name, each in last.figures.items()},
        protocols={name: asdict(each.protocol) for name, each in last.figures.items()},
        verdicts=tuple(_view(each, pictures.train, samples) for each in verdicts),
        unmeasured=(*watch.spaces[1], *_apart(ticks)),
        unreadable=dict(Counter(reason for _, reason in pictures.unreadable).most_common()),
    )


def _beginning(settings: GanSettings) -> str:
    """The weights that training began from; "" for random ones."""
    return f"{settings.init.rpartition('/')[2]} (sha256 {settings.init_sha256[:12]})" if settings.init else ""


def _others(settings: GanSettings) -> dict[str, str]:
    """Settings that most trainings do without."""
    found = {
        "began from": _beginning(settings),
        "frozen": ", ".join(settings.freeze),
        "frozen layers of the discriminator": str(settings.freeze_discriminator or ""),
        "second source": read_place(settings.second).path.rpartition("/")[2] if settings.second else "",
        "properties": ", ".join(names_of(settings.properties)),
    }
    return {name: text for name, text in found.items() if text}


def _apart(ticks: Sequence[Tick]) -> Iterator[str]:
    """A line for every look whose figures cannot stand beside the last one's."""
    for tick in ticks[:-1]:
        for features, each in tick.figures.items():
            last = ticks[-1].figures.get(features)
            if last is not None and each.protocol != last.protocol:
                yield f"At {tick.kimg:g} thousand pictures {features} was measured in another way; that is not drawn."


def _view(verdict: Verdict, train: ByteArray, samples: ByteArray) -> VerdictView:
    """A verdict with the pictures that it names: two samples side by side, or a sample beside what it copies."""
    pairs = [] if not verdict.fault else verdict.evidence.get("pairs", ())
    others = train if verdict.name == "copies" else samples
    evidence = tuple(np.concatenate([samples[one], others[other]], axis=1) for one, other in pairs[:PAIRS])
    return VerdictView(verdict.name, verdict.value, verdict.fault, verdict.words, evidence)


def _in_order(figures: Mapping[str, Interval]) -> dict[str, Interval]:
    return {NAMES.get(name, name): figures[name] for name in ORDER if name in figures}


def _curves(ticks: Sequence[Tick]) -> Iterator[Curve]:
    """Every figure that was taken twice or more often."""
    found = dict[str, list[tuple[float, Interval]]]()
    for tick in ticks:
        for name, value in tick.numbers.items():
            found.setdefault(_named(name), []).append((tick.kimg, Interval(value, value, value)))
        for features, each in tick.figures.items():
            last = ticks[-1].figures.get(features)
            if last is None or each.protocol != last.protocol:
                continue
            for name, figure in _in_order(each.figures).items():
                found.setdefault(f"{name}, {features}", []).append((tick.kimg, figure))
    for name, points in found.items():
        if len(points) > 1:
            yield Curve(name, tuple(points))


def _named(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))
