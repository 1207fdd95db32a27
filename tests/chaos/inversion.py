"""The inversion of pictures, killed again and again at random points, against one that nobody disturbs: the same bytes.

    python -m tests.chaos.inversion --kills 20 --seed 0

A folder of rooms, some files of it broken, through `jobs/invert_pictures.py` on a real cluster in namespaces of its
own. At so many committed shards and a random delay after, the driver or an actor gets SIGKILL, several times in one
run: a driver that has died is started again by the same command. Then every object outside stats/ and report/ is
compared.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import cv2

from higan_cam.rooms.photos import TUNING_SEED, photos
from higan_cam.store.keys import CODES
from tests.chaos import namespace
from tests.chaos.cluster import Cluster
from tests.chaos.faults import Scene, kill_actor, kill_driver
from tests.chaos.job import Job
from tests.chaos.outputs import LocalOutput, compare, digests
from tests.support.waiting import wait_until

PICTURES, BROKEN, SHARD = 96, 4, 2
SHARDS = (PICTURES + BROKEN) // SHARD
PER_RUN = 10
"""Kills of one run."""
LONGEST_DELAY_S = 1.0
PAUSE_S = 2.0
"""Between the death of a driver and its next start."""
PATIENCE_S = 3600.0
VICTIMS = {"driver": kill_driver, "actor": kill_actor}
SETTINGS = (
    "source.kind=pictures",
    f"mask.shard_size={SHARD}",
    "invert.steps=8",
    "invert.min_psnr=20",
    "invert.max_feature_distance=1",
    "runtime.workers=2",
)
"""Thresholds as numbers: nothing is calibrated, which would take longer than the inversions."""


def write_pictures(folder: Path) -> None:
    """Rooms as a camera takes them, and files that end too early, so that they are spread over the shards."""
    folder.mkdir()
    for number, room in enumerate(photos(TUNING_SEED, PICTURES, "G2", size=64)):
        cv2.imwrite(str(folder / f"{number:03d}.png"), room.image[:, :, ::-1])
    for number in range(BROKEN):
        whole = (folder / f"{number:03d}.png").read_bytes()
        (folder / f"{number * PICTURES // BROKEN:03d} broken.png").write_bytes(whole[: len(whole) // 2])


class Inversions:
    """Runs on those pictures, on one cluster."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster, self.pictures = folder, cluster, folder / "pictures"
        write_pictures(self.pictures)

    def begin(self, name: str) -> Scene:
        """A driver on a new output, just started."""
        output = LocalOutput(self.folder / name)
        fields = (f"runtime.address={self.cluster.address}", f"source.pictures={self.pictures}", *SETTINGS)
        sets = [word for field in fields for word in ("--set", field)]
        job = Job([sys.executable, "-m", "jobs.invert_pictures", "--output", output.uri, *sets], self.folder / "log")
        job.start()
        return Scene(self.cluster, output, job)

    def undisturbed(self) -> dict[str, str]:
        """Its digests.

        Raises:
            RuntimeError: it failed.
        """
        scene = self.begin("whole")
        if scene.job.end(time.monotonic() + PATIENCE_S) != 0:
            raise RuntimeError(f"the undisturbed run failed:\n{scene.job.tail()}")
        return digests(scene.output.objects())

    def disturbed(self, name: str, kills: int, random: Random) -> tuple[dict[str, str], Counter[str]]:
        """The digests of a run that is killed so many times at most, and how often what was killed.

        Raises:
            RuntimeError: it did not finish.
        """
        scene, landed = self.begin(name), Counter[str]()
        for shards in sorted(random.sample(range(SHARDS - 1), kills)):
            self._await(scene, shards)
            time.sleep(random.uniform(0, LONGEST_DELAY_S))
            victim = random.choice(sorted(VICTIMS))
            did = VICTIMS[victim](scene, random) if scene.job.is_running else None
            if did is not None:
                landed[victim] += 1
                print(f"{name}: at {scene.output.committed(CODES)} of {SHARDS} shards, {did}", flush=True)
            if victim == "driver" and did is not None:
                scene.job.end(time.monotonic() + PATIENCE_S)
                time.sleep(PAUSE_S)
                scene.job.start()
        if not scene.job.finish(time.monotonic() + PATIENCE_S):
            raise RuntimeError(f"{name} never finished:\n{scene.job.tail()}")
        return digests(scene.output.objects()), landed

    def _await(self, scene: Scene, shards: int) -> None:
        def come() -> bool:
            return scene.output.committed(CODES) >= shards or not scene.job.is_running

        wait_until(come, f"{shards} shards are committed", PATIENCE_S)


def main() -> int:
    """Say what came of it; status 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    obstacle = None if namespace.inside() else namespace.obstacle()
    if obstacle:
        print(f"chaos: {obstacle}", file=sys.stderr)
        return 2
    if not namespace.inside():
        command = namespace.within([sys.executable, "-m", "tests.chaos.inversion", *sys.argv[1:]])
        os.execvp(command[0], command)  # noqa: S606 - the same program again, inside
    landed, differing = campaign(told.kills, told.seed)
    counts = ", ".join(f"{count} of the {victim}" for victim, count in sorted(landed.items()))
    print(f"{landed.total()} kills ({counts}); objects differing, missing or extra: {differing or 'none'}")
    return int(landed.total() < told.kills or bool(differing))


def campaign(kills: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Kills that landed, by victim, and what differs in any run; twice as many as asked for are tried at most."""
    random = Random(f"inversion-{seed}")  # noqa: S311 - for reproducible points, not for secrets
    landed, differing = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder) / "ray")
        try:
            runs = Inversions(Path(folder), cluster)
            wanted = runs.undisturbed()
            for run in range(-(-2 * kills // PER_RUN)):
                if landed.total() >= kills:
                    break
                found, more = runs.disturbed(f"broken-{run}", min(PER_RUN, kills - landed.total()), random)
                landed += more
                difference = compare(found, wanted)
                keys = (*difference.differing, *difference.missing, *difference.extra)
                differing += [f"broken-{run}/{key}" for key in keys]
        finally:
            cluster.stop()
    return landed, differing


if __name__ == "__main__":
    sys.exit(main())
