"""`python -m tests.benchmarks.routes --run RUN`: ways to light a photo whose lamps are off, on the same photos.

Photos are renders of rooms that no run, no training and no choice has seen, every lamp off, of each grade; the truth is
the same photo with every lamp on. For each way: average precision of its heat on the lamps' light, dB against the truth
(whole, where the light falls, elsewhere), and processor seconds a photo on one thread, loading apart. Predictions were
written before: higan_cam/train/README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from higan_cam.cli.measure import recorded
from higan_cam.mask.student import Student, load_student
from higan_cam.measure.light import lit_photos as lit
from higan_cam.measure.values import estimate_means
from higan_cam.pictures import Affine, paste_change, to_picture
from higan_cam.pipeline.inverting import load_inverter
from higan_cam.pipeline.photos import developed_images
from higan_cam.pipeline.recommend import resampled
from higan_cam.relight.composers import load_composer
from higan_cam.rooms.localisation import average_precision
from higan_cam.rooms.photos import GRADES, PHOTO_SEED, Grade, photos
from higan_cam.rooms.truth import LIT
from higan_cam.store import open_store
from higan_cam.types import ByteArray, FloatArray

Way = Callable[[lit.UnlitPhotos], tuple[FloatArray, list[ByteArray]]]
"""Unlit photos -> (N,S,S) where the light would fall, and the photos with it."""
INPAINTER = "not measured: no weights ship; bring a pipeline (light.composer=diffusion) or train one (train_inpainter)"


def known_photos(grade: Grade, count: int) -> lit.UnlitPhotos:
    """The same rooms in every grade, at 128 px."""
    off, on = (list(photos(PHOTO_SEED, count, grade, lamps)) for lamps in (False, "all"))
    light = np.stack([each.light / each.light.max() for each in off])
    return lit.UnlitPhotos(np.stack([each.image for each in off]), np.stack([each.image for each in on]), light)


def by_student(composer: str, student: Student) -> Way:
    """A student's heat, and a composer's light of it."""
    compose = load_composer(composer)

    def way(known: lit.UnlitPhotos) -> tuple[FloatArray, list[ByteArray]]:
        heat = lit.student_shapes(student, known)[lit.STUDENT]
        return heat, lit.composed(known, heat, compose)

    return way


def by_inversion(run: str, *, to_scores: bool) -> Way:
    """A run's generator draws the photo, its boundary edits it, and the change is carried over as a run does it."""
    config, models, boundary = recorded(open_store(run), None)
    inverter = load_inverter(models, config)

    def way(known: lit.UnlitPhotos) -> tuple[FloatArray, list[ByteArray]]:
        batch, codes = lit.edited_photos(models, config, boundary, inverter, known.unlit, to_scores=to_scores)
        heats, pictures = list[FloatArray](), list[ByteArray]()
        for row, code in enumerate(codes):
            photo, ends = known.unlit[row], developed_images(code, batch.original[row], batch.positive[row])
            affine = Affine(*code.place, size=code.size, side=len(ends[0]))
            heats.append(to_picture(batch.heat[row], resampled(affine, len(batch.heat[row]))))
            pictures.append(paste_change(photo, np.full(photo.shape[:2], 255, np.uint8), ends[0], ends[1], affine))
        return np.stack(heats), pictures

    return way


def row_of(way: Way, known: lit.UnlitPhotos) -> dict[str, Any]:
    """What a way does on these photos, means with 95% intervals."""
    began = time.process_time()
    heat, pictures = way(known)
    seconds = (time.process_time() - began) / len(pictures)
    truth = known.light > LIT
    said = estimate_means({"ap": average_precision(heat, truth)}, PHOTO_SEED)
    said |= lit.lit_figures(known, {"": pictures}, PHOTO_SEED)[""]
    return {name: [round(v, 3) for v in (each.value, each.low, each.high)] for name, each in said.items()} | {
        "seconds": round(seconds, 3)
    }


def main() -> None:
    """One line of JSON for each grade and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="of rooms, with a boundary")
    parser.add_argument("--count", type=int, default=40, help="photos of each grade")
    parser.add_argument("--grade", action="append", choices=GRADES, help="repeatable; all unless named")
    parser.add_argument("--by-distance", action="store_true", help="edits by edit.distance too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    student = load_student("rooms")
    ways: dict[str, Way] = {
        "student + translator": by_student("translator", student),
        "student + cutout": by_student("cutout", student),
        "inversion": by_inversion(options.run, to_scores=True),
    }
    if options.by_distance:
        ways["inversion, by distance"] = by_inversion(options.run, to_scores=False)
    for grade in options.grade or GRADES:
        known = known_photos(grade, options.count)
        nothing = lit.lit_figures(known, {"": list(known.unlit)}, PHOTO_SEED)[""]
        dark = {name: round(each.value, 2) for name, each in nothing.items()}
        print(json.dumps({"grade": grade, "way": "nothing", "photos": options.count} | dark), flush=True)
        for name, way in ways.items():
            print(json.dumps({"grade": grade, "way": name} | row_of(way, known)), flush=True)
    print(json.dumps({"way": "diffusion inpainter", "why": INPAINTER}), flush=True)


if __name__ == "__main__":
    main()
