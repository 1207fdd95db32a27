"""From finished training on unpaired pictures to what it leaves: weights both ways, figures, verdicts, a card."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from higan_cam.errors import ConfigError
from higan_cam.files import write_whole
from higan_cam.measure.generation.collapse import collapse
from higan_cam.measure.generation.translated import alike, inverted
from higan_cam.measure.generation.verdicts import Verdict
from higan_cam.measure.values import estimate_means
from higan_cam.relight import Dial
from higan_cam.relight.translator import Translator, load_translator, save_translator, translate
from higan_cam.train.files import check_converged, json_text
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.export import CARD, FIGURES, WEIGHTS
from higan_cam.train.translator.unpaired.fit import fit_unpaired
from higan_cam.train.translator.unpaired.reading import Folders, read_folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.types import ByteArray

SWITCHES_OFF = "switches_off.safetensors"
"""The way back: `relight.translator.translate` with gain 0 takes its light out."""
JUDGED = 200
"""Pictures of each folder, at most, whose answers the monitors look at, held-out ones first."""


def train_and_export_unpaired(settings: UnpairedSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write both networks, metrics.json with verdicts, and a card.

    Errors as `read_folders` and `fit_unpaired`; ConfigError where the pictures are no longer those of the settings;
    DataError where training has diverged.
    """
    folders = read_folders(settings)
    settings = with_digest(settings, folders)
    learner = fit_unpaired(settings, folders, report, world)
    if world.rank != 0:
        return
    output = Path(settings.output)
    for network, name in ((learner.averaged_on, WEIGHTS), (learner.averaged_off, SWITCHES_OFF)):
        check_converged(settings, network)
        burning = name == SWITCHES_OFF
        save_translator(output / name, network.cpu(), settings.side, settings.response, "light", burning=burning)
    figures = measure(settings, folders, *(load_translator(output / name) for name in (WEIGHTS, SWITCHES_OFF)))
    write_whole(output / FIGURES, json_text(figures))
    write_whole(output / CARD, card(settings, figures).encode())


def with_digest(settings: UnpairedSettings, folders: Folders) -> UnpairedSettings:
    """The settings with what the pictures are. ConfigError: they said something else."""
    if settings.pictures not in ("", folders.sha256):
        raise ConfigError(
            f"{settings.off} and {settings.on}: pictures have changed since training began; take another output"
        )
    return replace(settings, pictures=folders.sha256)


def measure(settings: UnpairedSettings, folders: Folders, adds: Translator, takes: Translator) -> dict[str, Any]:
    """The contents of metrics.json: what was trained on what, errors on held-out pictures, and what went wrong."""
    facts = {
        "pairs": "none",
        "pictures off": len(folders.off.train),
        "pictures on": len(folders.on.train),
        "pictures of each shown": settings.steps * settings.batch,
        "side in px": settings.side,
        "game": settings.game,
    }
    off, on = folders.off.held_out, folders.on.held_out
    columns = {
        "cycle_off": _apart(off, switched(takes, switched(adds, off))),
        "cycle_on": _apart(on, switched(adds, switched(takes, on))),
        "identity_off": _apart(off, switched(takes, off)),
        "identity_on": _apart(on, switched(adds, on)),
    }
    estimates = {name: asdict(estimate_means({name: values}, settings.seed)[name]) for name, values in columns.items()}
    found = [*verdicts("on", adds, folders.off, folders.on), *verdicts("off", takes, folders.on, folders.off)]
    held_out = {"pictures": len(off) + len(on)}
    return {"facts": facts, "held out": held_out, "figures": estimates, "verdicts": [each.to_json() for each in found]}


def verdicts(made: str, translator: Translator, before: Pictures, kind: Pictures) -> list[Verdict]:
    """Colour inversion and collapse of what one direction makes: `made` is said in front."""
    shown = np.concatenate([before.held_out, before.train])[:JUDGED]
    reals, answers = np.concatenate([kind.held_out, kind.train]), switched(translator, shown)
    found = (inverted(shown, answers), alike(answers, reals), collapse(answers, reals))
    return [replace(each, words=f"Lamp {made}: {each.words}") for each in found]


def switched(translator: Translator, pictures: ByteArray) -> ByteArray:
    """(N,S,S,3) with the lamp switched the translator's way: on, or off where it burns."""
    dial = Dial(0 if translator.burning else 1)
    return np.stack([translate(translator, picture, None, dial) for picture in pictures])


def card(settings: UnpairedSettings, figures: dict[str, Any]) -> str:
    """A page about the weights, Markdown."""
    rows = "\n".join(
        f"| {name} | {each['value']:.4g} [{each['low']:.4g}, {each['high']:.4g}] |"
        for name, each in figures["figures"].items()
    )
    told = "\n".join(f"- {name}: {value}" for name, value in figures["facts"].items())
    said = "\n".join(f"- {each['name']}: {each['value']}. {each['words']}" for each in figures["verdicts"])
    return (
        f"# A translator without pairs: lamp off to lamp on, and back\n\n{told}\n- response: {settings.response}\n\n"
        f"`{WEIGHTS}` adds light, `{SWITCHES_OFF}` takes it away (`higan_cam.relight.translator.translate`).\n\n"
        f"On {figures['held out']['pictures']} pictures that they were not trained on, mean absolute differences of "
        "display values with 95% bootstrap intervals: there and back again, and where nothing is to be done. They do "
        f"not say that the light is right: no pair was there to ask.\n\n| figure | value |\n| --- | --- |\n{rows}\n\n"
        f"{said}\n"
    )


def _apart(one: ByteArray, other: ByteArray) -> Any:
    return np.abs(one.astype(np.float64) - other).mean(axis=(1, 2, 3)) / 255
