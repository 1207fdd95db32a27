"""From a finished training run to what it leaves: weights, ONNX where that is installed, figures, a card."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from higan_cam.errors import ConfigError
from higan_cam.files import write_whole
from higan_cam.mask.student.to_onnx import onnx_problem
from higan_cam.measure.light.relit import psnr
from higan_cam.measure.light.translated import measure_translator
from higan_cam.measure.values import estimate_means
from higan_cam.relight import Dial, Light, relight
from higan_cam.relight.light import WHITE
from higan_cam.relight.translator import Translator, load_translator, predict_light, save_translator
from higan_cam.relight.translator.to_onnx import onnx_bytes
from higan_cam.rooms.photos import PHOTO_SEED
from higan_cam.store.keys import REPORT_KEY
from higan_cam.train.files import check_converged, json_text
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.fit import fit_translator
from higan_cam.train.translator.looks import Looks, looks_table, shown_of
from higan_cam.train.translator.page import translator_page
from higan_cam.train.translator.pairs import FULL, Pairs, Stored, StoredPairs
from higan_cam.train.translator.reading import Read, read_pairs
from higan_cam.train.translator.rendered import RenderedPairs
from higan_cam.train.translator.settings import TranslatorSettings

log = logging.getLogger(__name__)
WEIGHTS, ONNX, FIGURES, CARD = "translator.safetensors", "translator.onnx", "metrics.json", "translator.md"
DIAL = "only `predict_light(gain=)` asks the network; `translate`, `light` and the figures multiply its light of gain 1"


def train_and_export_translator(settings: TranslatorSettings, report: Report, world: World) -> None:
    """Train; on rank 0 look now and then, and write weights, translator.onnx (where `onnx` is installed), metrics.json,
    a card and a report at last.

    Errors as `read_pairs` and `fit_translator`; ConfigError where the pairs are no longer those of the settings;
    DataError where training has diverged.
    """
    read = None if settings.kind == "rooms" else read_pairs(settings)
    settings = with_digest(settings, read)
    looks = Looks(settings, shown_of(settings, read))
    network = fit_translator(settings, pairs_of(settings, read), report, world, looks.at_checkpoint)
    if world.rank != 0:
        return
    check_converged(settings, network)
    output = Path(settings.output)
    save_translator(output / WEIGHTS, network, settings.side, settings.response, settings.attribute)
    translator = load_translator(output / WEIGHTS)  # what is measured is what is left
    write_onnx(output / ONNX, translator)
    figures = measure(settings, translator, read)
    write_whole(output / FIGURES, json_text(figures))
    seen = looks.look(settings.steps, translator)
    write_whole(output / CARD, f"{card(settings, figures)}\n{looks_table(seen)}".encode())
    write_whole(output / REPORT_KEY, translator_page(settings, looks, translator, figures).encode())


def write_onnx(path: Path, translator: Translator) -> None:
    """The ONNX file; where `onnx` is not installed a line in the log says so."""
    problem = onnx_problem()
    if problem is None:
        write_whole(path, onnx_bytes(translator))
    else:
        log.warning("onnx=none: %s", problem)


def with_digest(settings: TranslatorSettings, read: Read | None) -> TranslatorSettings:
    """The settings with what the pairs are. ConfigError: they said something else."""
    found = "" if read is None else read.sha256
    if settings.pairs not in ("", found):
        raise ConfigError(f"{settings.datasets[0]}: its pairs have changed since training began; take another output")
    return replace(settings, pairs=found)


def pairs_of(settings: TranslatorSettings, read: Read | None) -> Pairs:
    """What is learned from."""
    if read is None:
        return RenderedPairs(settings.side, settings.seed, settings.dial, settings.mirror)
    return StoredPairs(read.train, settings.curve, settings.seed, settings.dial, settings.mirror)


def measure(settings: TranslatorSettings, translator: Translator, read: Read | None) -> dict[str, Any]:
    """The contents of metrics.json: what was trained on what, and how near it comes on what it has not seen."""
    facts: dict[str, Any] = {
        "attribute": settings.attribute,
        "pairs": settings.kind,
        "pairs shown": settings.steps * settings.batch,
        "side in px": settings.side,
        "parameters": sum(parameter.numel() for parameter in translator.network.parameters()),
    }
    if read is None:
        result = asdict(measure_translator(translator, settings.held_out, PHOTO_SEED))
        return {"facts": facts, "held out": {"rooms": result["count"]}, **{k: result[k] for k in ("figures", "worst")}}
    count = min(settings.held_out, len(read.held_out))
    facts["pairs to learn from"] = len(read.train)
    return {"facts": facts, "held out": {"pairs": count}, "figures": held_out_figures(translator, read.held_out, count)}


def held_out_figures(translator: Translator, stored: Stored, count: int) -> dict[str, Any]:
    """Of the first `count` pairs, against their on pictures, in dB, means with 95% intervals.

    psnr: the translator's; unlit: the off pictures; bound: their true light, which never darkens anything, in 8 bits.
    """
    columns: dict[str, list[float]] = {"psnr": [], "unlit": [], "bound": []}
    for row in range(count):
        off, on, mask = stored.off[row], stored.on[row], stored.masks[row].astype(np.float32) / FULL
        layers = {"psnr": predict_light(translator, off, mask), "bound": stored.light(row, translator.response)}
        for name, layer in layers.items():
            columns[name].append(psnr(relight(off, [Light(layer, WHITE, translator.response)], [Dial()]), on))
        columns["unlit"].append(psnr(off, on))
    values = {name: np.array(column) for name, column in columns.items()}
    return {name: asdict(each) for name, each in estimate_means(values, seed=0).items()}


def card(settings: TranslatorSettings, figures: dict[str, Any]) -> str:
    """A page about the weights, Markdown."""
    rows = "\n".join(
        f"| {name} | {each['value']:.4g} [{each['low']:.4g}, {each['high']:.4g}] |"
        for name, each in figures["figures"].items()
    )
    told = "\n".join(f"- {name}: {value}" for name, value in figures["facts"].items())
    (kind, count), *_ = figures["held out"].items()
    dial = f"\n- dial: {DIAL}" if settings.dial else ""
    return (
        f"# A translator: picture and mask to light\n\n{told}\n- response: {settings.response}; what is predicted is "
        f"light in its units, which `higan_cam.relight` adds{dial}\n\nOn {count} {kind} that it was not trained on, "
        "means with 95% bootstrap intervals (`higan_cam/measure/light/translated.py` has the names):\n\n"
        "| figure | value |\n"
        f"| --- | --- |\n{rows}\n"
    )
