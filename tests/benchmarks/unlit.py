"""`python -m tests.benchmarks.unlit --run RUN`: how many edits of photos with all lamps off come to their target score.

Photos are renders of rooms that no run and no training has seen, every lamp off, inverted and edited as a run on
pictures does. Predictions: higan_cam/pictures/README.md.
"""

from __future__ import annotations

import argparse

import torch
from scipy.stats import binomtest

from higan_cam.cli.measure import recorded
from higan_cam.measure.light.lit_photos import edited_photos, reached_share, unlit_photos
from higan_cam.pipeline.inverting import load_inverter
from higan_cam.pipeline.photos import with_targets
from higan_cam.rooms.photos import PHOTO_SEED
from higan_cam.store import open_store

WITHIN = 0.3


def main() -> None:
    """Print the share with its 95% interval (Wilson 1927), and beside it that of edits by distance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="of rooms, with a boundary")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--by-distance", action="store_true", help="edits by edit.distance too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config, models, boundary = recorded(open_store(options.run), None)
    targets = with_targets(config, boundary).edit.targets
    if targets is None:
        raise SystemExit("the boundary of this run has no response, so there is no target")
    pictures, inverter = unlit_photos(PHOTO_SEED, options.count).unlit, load_inverter(models, config)
    for to_scores in (True, False)[: 1 + options.by_distance]:
        batch, _ = edited_photos(models, config, boundary, inverter, pictures, to_scores=to_scores)
        share, mean = reached_share(models, batch.positive, targets[1], WITHIN)
        interval = binomtest(round(share * options.count), options.count).proportion_ci(method="wilson")
        how = "to scores" if to_scores else "by distance"
        print(
            f"{how}: {share:.3f} [{interval.low:.3f}, {interval.high:.3f}] of {options.count} within {WITHIN} of "
            f"{targets[1]:.2f}, mean {mean:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
