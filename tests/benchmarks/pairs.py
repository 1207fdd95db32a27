"""`python -m tests.benchmarks.pairs FOLDER`: rooms with every lamp off and on, for `higan-cam evaluate-pairs FOLDER`.

Clean renders of rooms that nothing else uses, in folders `off` and `on`. Predictions: higan_cam/mask/README.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from higan_cam.files import write_whole
from higan_cam.measure.light.lit_photos import unlit_photos
from higan_cam.publish.images import encode_image
from higan_cam.rooms.photos import PHOTO_SEED


def main() -> None:
    """Write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40)
    options = parser.parse_args()
    rooms = unlit_photos(PHOTO_SEED, options.count)
    for state, pictures in (("off", rooms.unlit), ("on", rooms.lit)):
        (options.folder / state).mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(pictures):
            write_whole(options.folder / state / f"{index:03}.png", encode_image(picture))


if __name__ == "__main__":
    main()
