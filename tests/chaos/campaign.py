"""Many faults, one after another, at random points that a seed decides; each run compared with an undisturbed one.

The random point is a stage, a number of its shards committed, and a delay after that. Runs that are not
`whole` begin where that stage begins: with what an undisturbed run left, less what that stage makes.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from higan_cam.runtime.cluster.head import LOCAL
from tests.chaos.cluster import Cluster
from tests.chaos.faults import FAULTS, Scene
from tests.chaos.job import Job, run_command, submit_command
from tests.chaos.outputs import Difference, LocalOutput, Output, S3Output, compare, digests, one_after_the_other
from tests.support.s3_server import S3Server, running_server
from tests.support.small_runs import hang_timeout_s
from tests.support.waiting import wait_until

SHARDS = 12
SMALL = (
    "label.count=192",
    "label.shard_size=16",
    "boundary.tails=48",
    "mask.count=48",
    "mask.shard_size=4",
    "mask.micro_batch=4",
    "attribution.name=path",
    "attribution.steps=8",
    "runtime.workers=2",
)
"""`SHARDS` units in each of the two stages, of half a second or so each."""
STAGES = ("scores", "data")
_MADE_BY = {"scores": ("scores/", "manifest/scores-"), "data": ("data/", "manifest/data-", "README.md")}
_LONGEST_DELAY_S, _LONGEST_DELAY_WHOLE_S = 0.5, 6.0
"""The longer one reaches into the fit and the report."""
FIRST_RUN_S = 1800.0
"""What the first run may take, after which `Pace` is known."""
STALLS = 4
"""An actor is frozen for as many times the hang timeout at least, so that the engine does end it."""
RETIMED = 8
_DISK_MB = 48


@dataclass(frozen=True)
class Pace:
    """How long things may take here, which undisturbed runs show: a slow hour is no hang.

    Attributes:
        hang_s: a unit, which hangs when it takes longer.
        round_s: a run with a fault, which counts as lost when it takes longer.
    """

    hang_s: float
    round_s: float

    @staticmethod
    def of(seconds: float, objects: Mapping[str, bytes]) -> Pace:
        """From what an undisturbed run took, and what it left."""
        stats = (body for key, body in objects.items() if re.fullmatch(r"stats/\w+-\d+\.json", key))
        return Pace(hang_timeout_s(stats, least=10.0), max(300.0, 10 * seconds))

    def at_least(self, other: Pace) -> Pace:
        """The longer one of each."""
        return Pace(max(self.hang_s, other.hang_s), max(self.round_s, other.round_s))


@dataclass(frozen=True)
class Plan:
    """A fault and its random point.

    Attributes:
        index: of the round.
        stage, shards, delay_s: when that many shards of the stage are committed, and so many seconds later.
        on: local or s3.
        whole: the run begins with nothing.
    """

    index: int
    fault: str
    stage: str
    shards: int
    delay_s: float
    on: str
    whole: bool


@dataclass(frozen=True)
class Round:
    """What came of a plan.

    Attributes:
        landed: the driver was at work and the victim there when the fault came; otherwise the round does not count.
        committed: shards of both stages at that moment.
        did: what the fault did.
        exits: exit status of every life of the driver; others: of drivers that the fault started.
        seconds: from the first start to the end of the life that succeeded.
        lost_s: longer than undisturbed ones took (median); None where none were timed.
        tail: the end of the driver's log, where the run is not as it should be.
    """

    plan: Plan
    landed: bool
    committed: dict[str, int]
    did: str
    exits: list[int]
    others: list[int]
    finished: bool
    difference: Difference
    seconds: float
    lost_s: float | None
    tail: str = ""

    @property
    def good(self) -> bool:
        """Whether the run finished, and is the undisturbed one byte for byte."""
        return self.finished and self.difference.none


@dataclass(frozen=True)
class Settings:
    """Of a campaign.

    Attributes:
        folder: for logs, local outputs and Ray's files; short, because Ray's socket names are not.
        faults: names, in turn.
        stores: where outputs lie, in turn; the faults that need another store get it.
        whole_share: of the runs that begin with nothing.
        timed: undisturbed runs of every kind are timed too, for `Round.lost_s`.
        outage_s, stall_s: see `Scene`.
        overrides: of the configuration's runtime section.
    """

    folder: Path
    seed: int
    faults: tuple[str, ...] = tuple(FAULTS)
    stores: tuple[str, ...] = ("local",)
    whole_share: float = 0.0
    timed: bool = False
    outage_s: float = 10.0
    stall_s: float = 20.0
    overrides: tuple[str, ...] = ()


def draw_plan(settings: Settings, index: int, draw: int = 0) -> Plan:
    """Fault `index`: the faults take turns, the points are random. The next `draw` replaces a point that was missed."""
    random = Random(f"{settings.seed}-{index}-{draw}")  # noqa: S311 - for reproducible points, not for secrets
    turn, place = divmod(index, len(settings.faults))
    name = settings.faults[place]
    on = settings.stores[turn % len(settings.stores)] if FAULTS[name].on == "any" else FAULTS[name].on
    stage, shards = random.choice(STAGES), random.randrange(SHARDS - 1)
    whole = random.random() < settings.whole_share
    delay = random.uniform(0, _LONGEST_DELAY_WHOLE_S if whole else _LONGEST_DELAY_S)
    return Plan(index, name, stage, shards, round(delay, 3), on, whole)


class Campaign:
    """A cluster, an S3 server where one is needed, and an undisturbed run to compare with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open = ExitStack()
        self._server: S3Server | None = None
        self._undisturbed: dict[str, bytes] = {}
        self._seconds: dict[tuple[object, ...], list[float]] = {}
        self._pace: Pace | None = None
        self._runs = 0

    def __enter__(self) -> Campaign:
        faults = [FAULTS[name] for name in self.settings.faults]
        if "s3" in (*self.settings.stores, *(fault.on for fault in faults)):
            self._server = self._open.enter_context(running_server())
            os.environ.update(self._server.environment())  # Ray's workers inherit it from their node, not the driver
        self._cluster = Cluster(
            self.settings.folder / "ray", dashboard=any(fault.driver == "submitted" for fault in faults)
        )
        place = self.settings.stores[0]
        seconds, self._undisturbed = self._undisturbed_run(Plan(-1, "none", "scores", 0, 0.0, place, whole=True))
        self._seconds[place, "joined", True, ""] = [seconds]
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.stop()
        self._open.close()

    def play(self, plan: Plan) -> Round:
        """One run with one fault."""
        usual = self._usual_seconds(plan) if self.settings.timed else None
        random = Random(f"{self.settings.seed}-{plan.index}-victim")  # noqa: S311 - as above
        scene, began = self._begin(plan), time.monotonic()
        deadline = began + self._round_s
        self._await_point(scene, plan)
        committed = {stage: scene.output.committed(stage) for stage in STAGES}
        did = FAULTS[plan.fault].inject(scene, random) if scene.job.is_running else None
        finished = scene.job.finish(deadline)
        seconds = round(time.monotonic() - began, 1)
        for other in scene.others:
            other.end(deadline)
        objects = scene.output.objects()
        found = compare(digests(objects), digests(self._undisturbed))
        return Round(
            plan=plan,
            landed=did is not None and not (scene.others and one_after_the_other(objects)),
            committed=committed,
            did=did or "came too late",
            exits=scene.job.exits,
            others=[status for other in scene.others for status in other.exits],
            finished=finished,
            difference=found,
            seconds=seconds,
            lost_s=None if usual is None else round(seconds - usual, 1),
            tail="" if finished and found.none else scene.job.tail(),
        )

    def _await_point(self, scene: Scene, plan: Plan) -> None:
        wait_until(
            lambda: scene.output.committed(plan.stage) >= plan.shards or not scene.job.is_running,
            f"{plan.shards} shards of stage {plan.stage} are committed",
            self._round_s,
        )
        time.sleep(plan.delay_s)

    @property
    def _round_s(self) -> float:
        return FIRST_RUN_S if self._pace is None else self._pace.round_s

    def _usual_seconds(self, plan: Plan) -> float:
        """Median time of undisturbed runs of the same kind; one at first, another one every `RETIMED` rounds."""
        kind = (plan.on, FAULTS[plan.fault].driver, plan.whole, "" if plan.whole else plan.stage)
        known = self._seconds.setdefault(kind, [])
        self._runs += 1
        if not known or self._runs % RETIMED == 0:
            known.append(self._undisturbed_run(plan)[0])
        return median(known)

    def _undisturbed_run(self, plan: Plan) -> tuple[float, dict[str, bytes]]:
        """Its seconds, and what it left.

        Raises:
            RuntimeError: it failed, or differs from the first one.
        """
        scene, began = self._begin(plan), time.monotonic()
        if scene.job.end(began + self._round_s) != 0:
            raise RuntimeError(f"an undisturbed run failed:\n{scene.job.tail()}")
        seconds, objects = time.monotonic() - began, scene.output.objects()
        difference = compare(digests(objects), digests(self._undisturbed or objects))
        if not difference.none:
            raise RuntimeError(f"two undisturbed runs differ: {difference}")
        pace = Pace.of(seconds, objects)
        self._pace = pace if self._pace is None else self._pace.at_least(pace)
        return seconds, objects

    def _begin(self, plan: Plan) -> Scene:
        """A driver that has just been started, on a new output."""
        fault, settings = FAULTS.get(plan.fault), self.settings
        name = f"{plan.index:03d}-{plan.fault}-{time.monotonic_ns()}"
        disk = _small_disk(settings.folder / f"{name}.disk") if plan.fault == "disk" else None
        output = self._output(plan, (disk or settings.folder) / f"{name}.run")
        if not plan.whole:
            output.put({key: body for key, body in self._undisturbed.items() if not _made_later(key, plan.stage)})
        hang = () if self._pace is None else (f"runtime.hang_timeout_s={self._pace.hang_s}",)
        stall_s = settings.stall_s if self._pace is None else max(settings.stall_s, STALLS * self._pace.hang_s)
        overrides = (*SMALL, *hang, *settings.overrides)
        driver = "joined" if fault is None else fault.driver
        address = LOCAL if driver == "alone" else self._cluster.address
        command = (submit_command if driver == "submitted" else run_command)(output.uri, address, overrides)
        job = Job(command, settings.folder / f"{name}.log")
        job.start()
        return Scene(self._cluster, output, job, disk, self._server, settings.outage_s, stall_s)

    def _output(self, plan: Plan, folder: Path) -> Output:
        if plan.on == "local":
            return LocalOutput(folder)
        if self._server is None:
            raise ValueError("no S3 server was started")
        return S3Output(self._server, self._server.create_bucket())


def _made_later(key: str, stage: str) -> bool:
    return key.startswith((*_MADE_BY[stage], "stats/", "report/"))


def _small_disk(folder: Path) -> Path:
    """A file system of its own, which ends with the namespace."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "chaos", str(folder)]
    subprocess.run(command, check=True)
    return folder
