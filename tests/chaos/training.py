"""Training that is killed again and again, against training that nobody disturbs: the same files.

    python -m tests.chaos.training --kills 20 --seed 0

Each try is a process of its own, killed with SIGKILL at a random moment between its first step and its end; the same
call goes on. No Ray: what is tried is the checkpoint and what is drawn from it.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from higan_cam.files import is_temporary
from higan_cam.generate import sample_latents, to_uint8
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.scene import Z_DIM
from higan_cam.train.checkpoints import CHECKPOINT
from higan_cam.train.gan.export import train_and_export_gan
from higan_cam.train.gan.settings import recipe
from higan_cam.train.gan.watch import Watching
from higan_cam.train.settings import Progress, World

SIDE, PICTURES, STEPS, BATCH = 16, 96, 400, 16


def write_pictures(folder: Path) -> None:
    """Small renders of rooms."""
    folder.mkdir()
    for number, image in enumerate(to_uint8(render(scene_of(sample_latents(range(PICTURES), 5, Z_DIM)), 32))):
        cv2.imwrite(str(folder / f"{number:03d}.png"), image[:, :, ::-1])


def train(network: str, pictures: Path, output: Path) -> None:
    """The whole training, from wherever the output stands; says when the first step is done."""
    settings = recipe(
        network,
        output=str(output),
        pictures=str(pictures),
        side=SIDE,
        z_dim=16,
        width=8,
        images=STEPS * BATCH,
        batch=BATCH,
        apart=16,
        augment="diffaugment",
        checkpoint_every=10,
    )
    print("training", flush=True)
    train_and_export_gan(settings, said, World(), Watching(samples=64, features=("rooms_scorer",)))


def said(_: Progress) -> None:
    """Nobody watches."""


def killed(network: str, pictures: Path, output: Path, after: float) -> bool:
    """Start it, kill it so many seconds after it began to train; whether it was still at work."""
    command = [sys.executable, "-m", "tests.chaos.training", "--train", network, str(pictures), str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return True
    if process.returncode:
        raise RuntimeError(f"training ended with {process.returncode}")
    return False


def digests(output: Path) -> dict[str, str]:
    """Of every file but the checkpoint, whose pickle tells who wrote it."""
    files = sorted(
        path for path in output.rglob("*") if path.is_file() and path.name != CHECKPOINT and not is_temporary(path.name)
    )
    return {str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def campaign(network: str, kills: int, seed: int) -> tuple[int, list[str]]:
    """How many outputs it took, and the files that differ in any of them."""
    draw = np.random.Generator(np.random.Philox(seed))
    with tempfile.TemporaryDirectory() as place:
        pictures, whole = Path(place) / "pictures", Path(place) / "whole"
        write_pictures(pictures)
        began = time.monotonic()
        killed(network, pictures, whole, 3600)
        longest, wanted = time.monotonic() - began, digests(whole)
        left, outputs, differing = kills, 0, list[str]()
        while left:
            outputs += 1
            output = Path(place) / f"broken-{outputs}"
            while left and killed(network, pictures, output, draw.uniform(0, longest / 3)):
                left -= 1
            killed(network, pictures, output, 3600)
            found = digests(output)
            differing += [f"{output.name}/{name}" for name in {*wanted, *found} if wanted.get(name) != found.get(name)]
    return outputs, differing


def main() -> None:
    """Say what came of it; status 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network", default="dcgan")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.train:
        network, pictures, output = told.train
        train(network, Path(pictures), Path(output))
        return
    outputs, differing = campaign(told.network, told.kills, told.seed)
    print(f"{told.network}: {told.kills} kills over {outputs} outputs; files differing: {differing or 'none'}")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
