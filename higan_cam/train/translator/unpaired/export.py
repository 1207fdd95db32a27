"""From finished training on unpaired pictures to what it leaves: weights both ways, figures, verdicts, a card."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from higan_cam.errors import ConfigError
from higan_cam.files import write_whole
from higan_cam.relight.translator import Translator, load_translator, save_translator
from higan_cam.store.keys import REPORT_KEY
from higan_cam.train.files import check_converged, json_text
from higan_cam.train.optimise import share_of
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.export import CARD, FIGURES, ONNX, WEIGHTS, write_onnx
from higan_cam.train.translator.settings import TranslatorSettings
from higan_cam.train.translator.unpaired.finish import finish
from higan_cam.train.translator.unpaired.fit import fit_unpaired
from higan_cam.train.translator.unpaired.looks import UnpairedLooks, errors, verdicts
from higan_cam.train.translator.unpaired.page import unpaired_page
from higan_cam.train.translator.unpaired.reading import Folders, read_folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.train.translator.unpaired.state import Learner

SWITCHES_OFF, OFF_ONNX = "switches_off.safetensors", "switches_off.onnx"
"""The way back: `relight.translator.translate` with gain 0 takes its light out."""


def train_and_export_unpaired(settings: UnpairedSettings, report: Report, world: World) -> None:
    """Train, and finish on made pairs where that is asked for; on rank 0 look now and then, and at last write both
    networks, each as ONNX too (where `onnx` is installed), metrics.json with verdicts, a card and a report.

    Errors as `read_folders` and `fit_unpaired`; ConfigError where the pictures are no longer those of the settings;
    DataError where training has diverged.
    """
    folders = read_folders(settings)
    settings = with_digest(settings, folders)
    if settings.finish:
        share_of(TranslatorSettings.batch, world)  # what would fail at last is said at first
    looks = UnpairedLooks(settings, folders)
    learner = fit_unpaired(settings, folders, report, world, looks.at_checkpoint)
    if settings.finish:
        learner.averaged_on = finish(settings, folders, learner.averaged_off, report, world)
    if world.rank != 0:
        return
    output, (adds, takes) = Path(settings.output), _left(settings, learner)
    said = verdicts("on", adds, folders.off, folders.on), verdicts("off", takes, folders.on, folders.off)
    figures = measure(settings, folders, adds, takes)
    figures["verdicts"] = [each.to_json() for part in said for each in part]
    write_whole(output / FIGURES, json_text(figures))
    write_whole(output / CARD, card(settings, figures).encode())
    page = unpaired_page(settings, looks.look(settings.steps, adds, takes), folders, (adds, takes), said, figures)
    write_whole(output / REPORT_KEY, page.encode())


def _left(settings: UnpairedSettings, learner: Learner) -> list[Translator]:
    """Both networks, written and read again: what is measured is what is left."""
    output, found = Path(settings.output), list[Translator]()
    files = ((learner.averaged_on, WEIGHTS, ONNX), (learner.averaged_off, SWITCHES_OFF, OFF_ONNX))
    for network, name, onnx in files:
        check_converged(settings, network)
        burning = name == SWITCHES_OFF
        save_translator(output / name, network.cpu(), settings.side, settings.response, "light", burning=burning)
        found.append(load_translator(output / name))
        write_onnx(output / onnx, found[-1])
    return found


def with_digest(settings: UnpairedSettings, folders: Folders) -> UnpairedSettings:
    """The settings with what the pictures are. ConfigError: they said something else."""
    if settings.pictures not in ("", folders.sha256):
        raise ConfigError(
            f"{settings.off} and {settings.on}: pictures have changed since training began; take another output"
        )
    return replace(settings, pictures=folders.sha256)


def measure(settings: UnpairedSettings, folders: Folders, adds: Translator, takes: Translator) -> dict[str, Any]:
    """The contents of metrics.json: what was trained on what, and errors on held-out pictures; verdicts come beside."""
    facts = {
        "pairs": "none",
        "pictures off": len(folders.off.train),
        "pictures on": len(folders.on.train),
        "pictures of each shown": settings.steps * settings.batch,
        **({"pairs made at last, shown": settings.finish} if settings.finish else {}),
        "side in px": settings.side,
        "game": settings.game,
    }
    off, on = folders.off.held_out, folders.on.held_out
    found = {name: asdict(each) for name, each in errors(adds, takes, off, on, settings.seed).items()}
    return {"facts": facts, "held out": {"pictures": len(off) + len(on)}, "figures": found}


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
