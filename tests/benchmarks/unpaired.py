"""`python -m tests.benchmarks.unpaired`: CycleGAN on unpaired rooms against pix2pix on pairs, in about equal time.

1,000 rooms with every lamp off and 1,000 other rooms with every lamp on are what CycleGAN sees; pix2pix sees pairs of
as many rooms. Neither is told where lamps are. Both are judged on the hidden true pairs of 200 rooms that nothing else
has used. CycleGAN trains first and is finished on pairs that it made; pix2pix is given as many true pairs, and then as
many as a trial says that the time of all of CycleGAN's training allows. Predictions were written before:
higan_cam/train/README.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from higan_cam.measure.light.relit import psnr
from higan_cam.measure.values import estimate_means
from higan_cam.relight.response import RESPONSES
from higan_cam.relight.translator import Translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.rooms.photos import PHOTO_SEED, photo_latent
from higan_cam.rooms.scene import scene_of
from higan_cam.rooms.switched import switch_on, whole
from higan_cam.train.settings import Progress, World
from higan_cam.train.translator.fit import fit_translator
from higan_cam.train.translator.pairs import Stored, StoredPairs
from higan_cam.train.translator.rendered import TRAINING_SEED
from higan_cam.train.translator.settings import TranslatorSettings
from higan_cam.train.translator.unpaired.finish import finish
from higan_cam.train.translator.unpaired.fit import fit_unpaired
from higan_cam.train.translator.unpaired.looks import switched, verdicts
from higan_cam.train.translator.unpaired.reading import read_folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings
from higan_cam.types import ByteArray

UNIT, WARM_UP = RESPONSES["film"], 640
"""Pairs of which pix2pix's speed is taken where nothing is finished."""


def rooms(seed: int, first: int, count: int, side: int) -> tuple[ByteArray, ByteArray]:
    """(count,side,side,3) each: every lamp off, and every lamp on."""
    scene = whole(scene_of(np.stack([photo_latent(seed, first + index) for index in range(count)])))
    found = switch_on(scene, scene.present > 0, side)
    return found.unlit, UNIT.display(UNIT.light(found.unlit) + found.light.permute(0, 2, 3, 1).numpy())


def judged(answers: ByteArray, truth: ByteArray) -> dict[str, Any]:
    """Mean absolute error of display values, and dB, with 95% intervals."""
    rows = {
        "error": np.abs(answers.astype(np.float64) - truth).mean(axis=(1, 2, 3)) / 255,
        "psnr": np.array([psnr(*each) for each in zip(answers, truth, strict=True)]),
    }
    return {
        name: [round(each.value, 5), round(each.low, 5), round(each.high, 5)]
        for name, each in estimate_means(rows, 0).items()
    }


def cycle_gan(args: argparse.Namespace, place: Path, seed: int) -> tuple[dict[str, Any], float]:
    """One training without pairs, finished on pairs made; its figures both ways, and its processor time."""
    for name, pictures in (
        ("off", rooms(TRAINING_SEED, 0, args.count, args.side)[0]),
        ("on", rooms(TRAINING_SEED, args.count, args.count, args.side)[1]),
    ):
        (place / name).mkdir(exist_ok=True)
        for index, picture in enumerate(pictures):
            cv2.imwrite(str(place / name / f"{index:05d}.png"), picture[..., ::-1])
    settings = UnpairedSettings(
        output=str(place / f"cycle{seed}"),
        off=str(place / "off"),
        on=str(place / "on"),
        side=args.side,
        channels=tuple(args.channels),
        response="film",
        images=args.images,
        seed=seed,
        game=args.game,
        checkpoint_every=100_000,
        finish=args.finish,
    )
    folders, began = read_folders(settings), time.process_time()
    learner = fit_unpaired(settings, folders, _told)
    spent = time.process_time() - began
    off, on = rooms(PHOTO_SEED, 0, args.judged, args.side)
    row = {"arm": "CycleGAN, no pairs", "cycle_s": round(spent)}
    row["before finishing"] = judged(switched(Translator(learner.averaged_on, args.side, UNIT), off), on)
    if settings.finish:
        learner.averaged_on = finish(settings, folders, learner.averaged_off, _told, World())
        spent = time.process_time() - began
    adds, takes = (
        Translator(network, args.side, UNIT, burning=burning)
        for network, burning in ((learner.averaged_on, False), (learner.averaged_off, True))
    )
    said = [*verdicts("on", adds, folders.off, folders.on), *verdicts("off", takes, folders.on, folders.off)]
    row |= {
        "on": judged(switched(adds, off), on),
        "off": judged(switched(takes, on), off),
        "verdicts": [f"{each.value}: {each.words}" for each in said],
    }
    sheet = [off, switched(adds, off), on, switched(takes, on)]
    cv2.imwrite(str(place / f"cycle{seed}.png"), np.concatenate([_strip(each) for each in sheet])[..., ::-1])
    return row, spent


def pix2pix(args: argparse.Namespace, place: Path, seed: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Without masks, of as many rooms: as many pairs as CycleGAN was finished on, and as many as fit into the time."""
    off, on = rooms(TRAINING_SEED, 0, args.count, args.side)
    stored = Stored(off, on, np.full(off.shape[:3], 255, np.uint8))

    def fit(images: int, name: str) -> tuple[TranslatorNetwork, float]:
        settings = TranslatorSettings(
            output=str(place / f"{name}{seed}"),
            kind="folders",
            datasets=("off", "on"),
            condition=False,
            response="film",
            side=args.side,
            channels=tuple(args.channels),
            images=images,
            seed=seed,
            precision="float32",
            checkpoint_every=100_000,
        )
        began = time.process_time()
        network = fit_translator(settings, StoredPairs(stored, UNIT, seed, dial=False, mirror=False), _told)
        return network, time.process_time() - began

    off, on = rooms(PHOTO_SEED, 0, args.judged, args.side)
    few, last = args.finish or WARM_UP, 0.0
    for name in ("few", "pix2pix"):
        images = few if name == "few" else round(few * seconds / last)
        network, last = fit(images, name)
        made = switched(Translator(network, args.side, UNIT), off)
        yield {"arm": "pix2pix, pairs", "on": judged(made, on), "cpu_s": round(last), "pictures": images}


def main() -> None:
    """Both, for each seed; one line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--count", type=int, default=1000, help="rooms of each kind to learn from")
    parser.add_argument("--judged", type=int, default=200, help="hidden true pairs")
    parser.add_argument("--images", type=int, default=2400, help="pictures of each kind shown to CycleGAN")
    parser.add_argument("--finish", type=int, default=20_000, help="pairs made of them, shown to CycleGAN's at last")
    parser.add_argument("--channels", type=int, nargs="+", default=[8, 16, 32, 48], help="of every network")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="seed; 0 is what settings were chosen on")
    parser.add_argument("--game", default="least_squares")
    parser.add_argument("--output", type=Path, default=None, help="folder; a temporary one unless named")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        place = args.output or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        off, on = rooms(PHOTO_SEED, 0, args.judged, args.side)
        print(json.dumps({"arm": "nothing done", "on": judged(off, on), "off": judged(on, off)}), flush=True)
        for seed in range(args.first, args.first + args.seeds):
            row, spent = cycle_gan(args, place, seed)
            _print(row | {"seed": seed, "cpu_s": round(spent), "pictures": args.images})
            for each in pix2pix(args, place, seed, spent):
                _print(each | {"seed": seed})


def _print(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


def _told(progress: Progress) -> None:
    numbers = " ".join(f"{name}={value:.4f}" for name, value in progress.metrics.items())
    print(f"# {progress.stage} {progress.step}/{progress.of} {numbers}", flush=True)


def _strip(pictures: ByteArray) -> ByteArray:
    return np.concatenate(list(pictures[:12]), axis=1)


if __name__ == "__main__":
    main()
