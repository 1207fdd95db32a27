"""How far a run is, from the store alone and from any machine: no cluster is asked and no shard is read.

It costs one listing of manifest/ (object stores list 1,000 keys per request: 200 requests for 10^5 shards of either
stage, and the same at the driver's every restart), one of stats/lease/, and one read each of run.json, the lease and
the quarantined units. Shards count by their manifest entries; whether the objects are whole is what `verify` asks.

The manifest has no clock. Rate, failed attempts and the age of the last commit are what the driver writes into its
lease three times per lease period.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from higan_cam.config import LabelConfig, MaskConfig, RunConfig, config_hash
from higan_cam.store.keys import (
    CODES,
    DATA,
    MANIFEST,
    PILOT,
    REPORT_KEY,
    SCORES,
    SHARD_STAGES,
    STAGE_NAMES,
    boundary_keys,
    parse_manifest_key,
    quarantine_key,
)
from higan_cam.store.lease import Holder, read_lease
from higan_cam.store.manifest import last_line
from higan_cam.store.run import listed_stage, recorded_config, recorded_student
from higan_cam.store.store import Store

DriverState = Literal["none", "running", "ended", "dead", "silent"]


@dataclass(frozen=True)
class StageStatus:
    """One stage that makes shards.

    Attributes:
        name: "label", "invert" (of a run on pictures), "pilot" (of a refined run) or "mask".
        done, total: samples.
        missing: shards without a manifest entry.
        quarantined: {shard: what it failed with, one line} of the missing ones that were given up.
        rate: samples per second, as the present driver last said; None without one at work on this stage.
        failures: failed attempts of the last driver.
        idle_s: seconds between that driver's last commit and its last renewal.
    """

    name: str
    done: int
    total: int
    shards: int
    missing: tuple[int, ...]
    quarantined: Mapping[int, str]
    rate: float | None = None
    failures: int = 0
    idle_s: float | None = None

    @property
    def eta_s(self) -> float | None:
        """Seconds left at this rate; None where nobody is at work."""
        return (self.total - self.done) / self.rate if self.rate else None


@dataclass(frozen=True)
class RunStatus:
    """A run as it is in the store.

    Attributes:
        boundary, report: whether they are there.
        student: whether it is trained; None where the run is not refined.
        driver: the last one.
        state: of that driver; "dead" is known (same machine), "silent" is inferred from clocks: its last renewal is
            longer ago than its lease lasts, so it is gone, cut off, or its clock differs from this one.
    """

    output: str
    config_hash: str
    stages: tuple[StageStatus, ...]
    boundary: bool
    report: bool
    driver: Holder | None
    state: DriverState
    student: bool | None = None

    @property
    def complete(self) -> bool:
        """Whether every shard is committed."""
        return not any(stage.missing for stage in self.stages)

    def as_json(self) -> dict[str, Any]:
        """Plain values for machines; shard numbers of what is missing are left out, counts are in."""
        stages = {}
        for stage in self.stages:
            values = {**asdict(stage), "missing": len(stage.missing), "eta_s": stage.eta_s}
            stages[stage.name] = {name: value for name, value in values.items() if name != "name"}
        driver = None if self.driver is None else {**asdict(self.driver), "state": self.state}
        return {
            "output": self.output,
            "config_hash": self.config_hash,
            "complete": self.complete,
            "stages": stages,
            "boundary": self.boundary,
            **({} if self.student is None else {"student": self.student}),
            "report": self.report,
            "driver": driver,
        }


def read_status(store: Store, above: Store | None = None) -> RunStatus:
    """The state of a run.

    Args:
        above: the run of several attributes that this one is a part of. Its driver labels for all of them together and
            goes through them one by one, so it is at work here too where nobody else is.

    Raises:
        StoreError: there is no run, it was written by another version, or the store cannot be read.
    """
    config = recorded_config(store)
    driver = read_lease(store)
    state = driver_state(driver)
    shared = read_lease(above) if above is not None and state != "running" else None
    for_all = driver_state(shared) == "running"
    if for_all:
        driver, state = shared, "running"
    made, given_up = _listed(store)
    stages = []
    for kind, section in _planned(store, config):
        name = STAGE_NAMES[kind]
        shards = -(-section.count // section.shard_size)
        missing = tuple(shard for shard in range(shards) if shard not in made[kind])
        # Only the last shard may be smaller, so rows follow from numbers.
        last = section.count - (shards - 1) * section.shard_size
        short = sum(last if shard == shards - 1 else section.shard_size for shard in missing)
        reasons = _reasons(store, kind, given_up[kind] & set(missing))
        if kind == DATA:
            reasons |= dict.fromkeys(given_up[CODES] & set(missing) - made[CODES], "its pictures have no codes")
        stage = StageStatus(name, section.count - short, section.count, shards, missing, reasons)
        if made[kind] or name != "label" or config.boundary.weights is None:  # a ready boundary needs no labels
            # What is complete here is not what a driver of all is at work on.
            stages.append(stage if for_all and not stage.missing else _with_driver(stage, driver, state))
    return RunStatus(
        store.uri,
        config_hash(config),
        tuple(stages),
        boundary=store.exists(boundary_keys(config)[1]),
        report=store.exists(REPORT_KEY),
        driver=driver,
        state=state,
        student=None if config.mask.refine is None else recorded_student(store) is not None,
    )


def _planned(store: Store, config: RunConfig) -> list[tuple[str, LabelConfig | MaskConfig]]:
    """The stages that make shards, each with the section that says how many samples."""
    alone = listed_stage(store)
    if alone is not None:
        return [(alone, config.listed)]
    codes: list[tuple[str, LabelConfig | MaskConfig]] = [(CODES, config.mask)]
    pilot: list[tuple[str, LabelConfig | MaskConfig]] = [
        (PILOT, config.mask.model_copy(update={"count": config.mask.pilot}))
    ]
    before = codes if config.source.kind == "pictures" else pilot if config.mask.refine is not None else []
    return [(SCORES, config.label), *before, (DATA, config.mask)]


def driver_state(driver: Holder | None) -> DriverState:
    """What can be said from here about the driver that holds (or held) the lease."""
    if driver is None:
        return "none"
    if driver.released:
        return "ended"
    if driver.alive is False:
        return "dead"
    return "running" if driver.silent_s < driver.lease_s else "silent"


def _listed(store: Store) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """({stage: shards with an entry}, {stage: shards given up at some time}), from one listing."""
    made: dict[str, set[int]] = {stage: set() for stage in SHARD_STAGES}
    given_up: dict[str, set[int]] = {stage: set() for stage in SHARD_STAGES}
    for key in store.list(MANIFEST):
        name = parse_manifest_key(key)
        if name is not None and name.stage in SHARD_STAGES:
            (given_up if name.given_up else made)[name.stage].add(name.shard)
    return made, given_up


def _with_driver(stage: StageStatus, driver: Holder | None, state: DriverState) -> StageStatus:
    """The stage with what its driver last said about it; nothing where the last driver did not come to it."""
    told = driver.progress.get(stage.name) if driver is not None else None
    if not isinstance(told, Mapping):
        return stage
    rate = told.get("rate") if state == "running" and stage.missing else None
    return replace(stage, rate=rate, failures=told.get("failures", 0), idle_s=told.get("idle_s"))


def _reasons(store: Store, kind: str, shards: set[int]) -> dict[int, str]:
    """{shard: "3 attempts: ValueError: …"}: the last line of a traceback is the one that says what happened."""
    keys = {quarantine_key(kind, shard): shard for shard in sorted(shards)}
    reasons = {}
    for key, body in store.find_many(keys).items():
        details = json.loads(body)
        reasons[keys[key]] = f"{details.get('attempts')} attempts: {last_line(details) or 'no traceback'}"
    return reasons
