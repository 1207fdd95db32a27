"""`python -m tests.benchmarks.photo_memory`: the memory of an inversion by the number of its pictures.

Folders of small pictures, one in a hundred broken, through `jobs/invert_pictures.py` with the real listing, reader,
queue and shards; a DCGAN of 32 px with drawn weights and one step stands in for the generator, so that it is soon done.
What grows with the number of pictures grows with any generator: a larger one makes the constant part larger.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from higan_cam.generate import DCGAN
from higan_cam.publish.codes import decode_codes
from tests.benchmarks.operations import PeakRow, peaks_of, sets
from tests.support.generators import small_latent

COUNTS = (1_000, 3_000, 10_000)
BROKEN = 100
"""One picture in so many ends in the middle."""
SETTINGS = (
    "source.kind=pictures",
    "scorer.name=luminance",
    "attribute=brightness",
    "invert.method=optimise",
    "invert.steps=1",
    "invert.align=false",
    "runtime.workers=1",
)


def write_generator(path: Path) -> None:
    """The small DCGAN of the tests in the layout of the PyTorch example."""
    torch.save(small_latent(DCGAN).float().state_dict(), path)


def write_pictures(folder: Path, count: int) -> None:
    """Noise of 40 x 32 px, each picture its own."""
    folder.mkdir()
    for index in range(count):
        image = np.random.Generator(np.random.Philox(index)).integers(0, 256, (32, 40, 3), np.uint8)
        body = cv2.imencode(".png", image)[1].tobytes()
        (folder / f"{index:05d}.png").write_bytes(body[: len(body) // 2] if index % BROKEN == 0 else body)


def measure(folder: Path, count: int) -> PeakRow:
    """One inversion of so many.

    Raises:
        RuntimeError: it failed, or not every picture has a row.
    """
    pictures, output, weights = folder / f"pictures-{count}", folder / f"run-{count}", folder / "generator.pth"
    write_pictures(pictures, count)
    own = (f"source.pictures={pictures}", f"generator.weights={weights}")
    peaks = peaks_of([sys.executable, "-m", "jobs.invert_pictures", "--output", str(output), *sets(*own, *SETTINGS)])
    codes = [
        code for shard in sorted((output / "codes").glob("*.parquet")) for code in decode_codes(shard.read_bytes())
    ]
    broken = sum(code.status == "unreadable" for code in codes)
    if (len(codes), broken) != (count, len(range(0, count, BROKEN))):
        raise RuntimeError(f"{len(codes)} rows of {count} pictures, {broken} of them unreadable")
    return PeakRow(count, peaks)


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    kinds = ("driver", "inverting actor", "ledger")
    print("| pictures | " + " | ".join(f"{kind}, MB" for kind in kinds) + " | s |", "| --- " * 5 + "|", sep="\n")
    with tempfile.TemporaryDirectory(prefix="peaks-") as place:
        write_generator(Path(place) / "generator.pth")
        for count in parser.parse_args().counts:
            began = time.monotonic()
            found = measure(Path(place), count).peak_mb
            cells = [f"{found.get(kind, 0):.0f}" for kind in kinds]
            print(f"| {count:,} | " + " | ".join([*cells, f"{time.monotonic() - began:.0f}"]) + " |", flush=True)


if __name__ == "__main__":
    main()
