"""Training that is killed again and again, against training that nobody disturbs: the same files.

    python -m tests.chaos.training --kills 20 --seed 0
    python -m tests.chaos.training --kills 3 --arm ada --arm property --arm second --arm bfloat16

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
from typing import Any

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
ARMS: dict[str, dict[str, Any]] = {
    "dcgan": {"network": "dcgan"},
    "stylegan2": {"network": "stylegan2"},
    "ada": {"network": "stylegan2", "augment": "ada", "ada_kimg": 0.5},
    "property": {"network": "stylegan2", "properties": ("luminance", "warmth")},
    "second": {"network": "stylegan2", "apart": 0, "switch_side": 8},
    "bfloat16": {"network": "dcgan", "precision": "bfloat16"},
}
"""What else is kept, drawn or computed."""


def write_pictures(folder: Path) -> None:
    """Small renders of rooms."""
    folder.mkdir()
    for number, image in enumerate(to_uint8(render(scene_of(sample_latents(range(PICTURES), 5, Z_DIM)), 32))):
        cv2.imwrite(str(folder / f"{number:03d}.png"), image[:, :, ::-1])


def train(arm: str, pictures: Path, output: Path, steps: int) -> None:
    """The whole training, from wherever the output stands; says when the first step is done."""
    usual: dict[str, Any] = {
        **{"output": str(output), "pictures": str(pictures), "side": SIDE, "z_dim": 16, "width": 8, "apart": 16},
        **{"images": steps * BATCH, "batch": BATCH, "augment": "diffaugment", "checkpoint_every": 10},
    }
    if arm == "second":
        usual["second"] = str(pictures)
    settings = recipe(**(usual | ARMS[arm]))
    print("training", flush=True)
    train_and_export_gan(settings, said, World(), Watching(samples=64, features=("rooms_scorer",)))


def said(_: Progress) -> None:
    """Nobody watches."""


def killed(arm: str, pictures: Path, output: Path, steps: int, after: float) -> bool:
    """Start it, kill it so many seconds after it began to train; whether it was still at work."""
    command = [
        sys.executable,
        "-m",
        "tests.chaos.training",
        "--train",
        arm,
        str(pictures),
        str(output),
        "--steps",
        str(steps),
    ]
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


def campaign(arm: str, kills: int, seed: int, steps: int) -> tuple[int, list[str]]:
    """How many outputs it took, and the files that differ in any of them."""
    draw = np.random.Generator(np.random.Philox(seed))
    with tempfile.TemporaryDirectory() as place:
        pictures, whole = Path(place) / "pictures", Path(place) / "whole"
        write_pictures(pictures)
        began = time.monotonic()
        killed(arm, pictures, whole, steps, 3600)
        longest, wanted = time.monotonic() - began, digests(whole)
        left, outputs, differing = kills, 0, list[str]()
        while left:
            outputs += 1
            output = Path(place) / f"broken-{outputs}"
            while left and killed(arm, pictures, output, steps, draw.uniform(0, longest / 3)):
                left -= 1
            killed(arm, pictures, output, steps, 3600)
            found = digests(output)
            differing += [f"{output.name}/{name}" for name in {*wanted, *found} if wanted.get(name) != found.get(name)]
    return outputs, differing


def main() -> None:
    """Say what came of it; status 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--arm", action="append", choices=ARMS, help="may be repeated; default dcgan")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.train:
        arm, pictures, output = told.train
        train(arm, Path(pictures), Path(output), told.steps)
        return
    wrong = False
    for arm in told.arm or ["dcgan"]:
        outputs, differing = campaign(arm, told.kills, told.seed, told.steps)
        print(f"{arm}: {told.kills} kills over {outputs} outputs; files differing: {differing or 'none'}", flush=True)
        wrong = wrong or bool(differing)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
