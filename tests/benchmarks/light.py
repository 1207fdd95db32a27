"""Measure light put into rooms against the renderer: python -m tests.benchmarks.light [--run RUN] [--translator FILE]

Rooms are renders of latents that no run and no training has seen. First gain, colour temperature and single lamps, in
both responses; which of them the generator draws in, and lamps one by one tell; whether lamps are told apart. Then
light put into photos whose lamps are off, against the same rooms lit: composites from a student's heat, from its mask
and from the true light, and with a run the light of each inverted photo's edit. `--fit` fits the composite's settings
on other rooms first. `--translator` adds a network's light: of true shades, on rooms of its own side and of twice that,
of one lamp's mask or another's, as a camera takes them, and of the student's heat.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from higan_cam.measure.light.lit_photos import UnlitPhotos
    from higan_cam.types import ByteArray


def main(
    run: Annotated[str | None, typer.Option(help="A run of rooms with a boundary, for inverted photos.")] = None,
    student: Annotated[str, typer.Option(help="`rooms` or a file.")] = "rooms",
    translator: Annotated[str | None, typer.Option(help="A file of `higan-cam train translator`.")] = None,
    count: Annotated[int, typer.Option(help="Rooms of each measurement.", min=4)] = 60,
    fit: Annotated[bool, typer.Option(help="Fit the composites' settings first, on 20 other rooms.")] = False,
    json_: Annotated[Path | None, typer.Option("--json", help="File for the figures; else they are printed.")] = None,
) -> None:
    """Evaluate on rooms that nothing else uses."""
    from dataclasses import asdict

    import torch

    from higan_cam.cli.options import write_file
    from higan_cam.generate import load_generator
    from higan_cam.mask.student import load_student
    from higan_cam.measure.light import lit_photos as lit
    from higan_cam.measure.light.curves import measure_drawn, measure_told
    from higan_cam.measure.light.lamps import measure_lamps
    from higan_cam.measure.light.relit import measure_relit
    from higan_cam.relight import RESPONSES
    from higan_cam.relight.composers import load_composer
    from higan_cam.relight.composers.cutout import CutoutSettings
    from higan_cam.rooms.photos import PHOTO_SEED, TUNING_SEED

    torch.set_num_threads(1)
    network = load_student(student)
    relit = [asdict(measure_relit(response, count, PHOTO_SEED)) for response in RESPONSES.values()]
    rooms = load_generator("rooms")
    drawn = {name: measure_drawn(rooms, response, count, PHOTO_SEED) for name, response in RESPONSES.items()}
    known = lit.unlit_photos(PHOTO_SEED, count)
    shapes, settings = lit.student_shapes(network, known), {}
    if fit:
        tuning = lit.unlit_photos(TUNING_SEED, 20)
        settings = {name: lit.fit_cutout(tuning, each) for name, each in lit.student_shapes(network, tuning).items()}
    made: dict[str, Any] = {lit.NOTHING: list(known.unlit)}
    for name, each in shapes.items():
        made[name] = lit.composites(known, each, settings.get(name, CutoutSettings()))
    if translator is not None:
        made[lit.LEARNED] = lit.composed(known, shapes[lit.STUDENT], load_composer("translator", weights=translator))
    edits: dict[str, Any] = {}
    if run is not None:
        pairs, edits = _pair(run, known)
        made |= pairs
    found = {
        "relit": relit,
        "drawn": {name: {key: asdict(value) for key, value in each.items()} for name, each in drawn.items()},
        "told": {f"noise {noise:g}": measure_told(count, PHOTO_SEED, noise) for noise in (0.0, 1.0, 3.0)},
        "lamps": asdict(measure_lamps(count, PHOTO_SEED)),
        "photos": {
            name: {key: asdict(value) for key, value in row.items()}
            for name, row in lit.lit_figures(known, made, PHOTO_SEED).items()
        },
        "settings": {name: asdict(each) for name, each in settings.items()},
        "edits": edits,
        "translated": [] if translator is None else _translated(translator, count),
        "asked": {} if translator is None else _asked(translator, count),
        "count": count,
    }
    text = f"{json.dumps(found, indent=1, sort_keys=True, allow_nan=False)}\n"
    if json_ is None:
        print(text)
    else:
        write_file(json_, text.encode(), "--json")


def _translated(weights: str, count: int) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from higan_cam.measure.light.translated import measure_translator
    from higan_cam.relight.translator import load_translator
    from higan_cam.rooms.photos import PHOTO_SEED

    network = load_translator(weights)
    sizes = (network.side, 2 * network.side)
    return [asdict(measure_translator(network, count, PHOTO_SEED, size)) for size in sizes]


def _asked(weights: str, count: int) -> dict[str, Any]:
    from dataclasses import asdict

    from higan_cam.measure.light.asked import measure_asked
    from higan_cam.relight.translator import load_translator
    from higan_cam.rooms.photos import PHOTO_SEED

    return {name: asdict(each) for name, each in measure_asked(load_translator(weights), count, PHOTO_SEED).items()}


def _pair(run: str, known: UnlitPhotos) -> tuple[dict[str, list[ByteArray]], dict[str, Any]]:
    """Photos with the change of their own edits, the same with one thing put right, and what the edits reached."""
    from collections import Counter

    from higan_cam.cli.measure import recorded
    from higan_cam.measure.light.lit_photos import (
        CHANGE,
        PAIR,
        edited_photos,
        lit_by_pair,
        reached_share,
        transferred,
        transfers,
    )
    from higan_cam.pipeline.inverting import load_inverter
    from higan_cam.pipeline.photos import with_targets
    from higan_cam.store import open_store

    config, models, boundary = recorded(open_store(run), None)
    inverter = load_inverter(models, config)
    batch, codes = edited_photos(models, config, boundary, inverter, known.unlit)
    by_distance, _ = edited_photos(models, config, boundary, inverter, known.unlit, to_scores=False)
    pictures, fixed = (
        [transferred(*each) for each in zip(known.unlit, found.original, found.positive, strict=True)]
        for found in (batch, by_distance)
    )
    targets = with_targets(config, boundary).edit.targets
    target = float("nan") if targets is None else targets[1]
    share, mean = reached_share(models, batch.positive, target)
    verdicts = dict(Counter[str](code.status for code in codes))
    right, gains = transfers(known, list(batch.original), list(batch.positive))
    carried = lit_by_pair(models, config, boundary, known.unlit, batch, codes)
    more = {f"{CHANGE}, {name}": each for name, each in right.items()}
    made = {PAIR: carried, CHANGE: pictures, f"{CHANGE}, by distance": fixed, **more}
    reached = {"target": target, "within 0.3": share, "mean score": mean, "verdicts": verdicts, "best gains": gains}
    return made, reached


if __name__ == "__main__":
    typer.run(main)
