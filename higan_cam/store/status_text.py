"""The status of a run as a few plain lines for people."""

from __future__ import annotations

import math
from collections.abc import Iterator

from higan_cam.config.layers import format_spans
from higan_cam.store.lease import Holder
from higan_cam.store.status import RunStatus, StageStatus

QUARANTINED_SHOWN, SPANS_SHOWN = 20, 12


def status_lines(status: RunStatus) -> Iterator[str]:
    """One line per stage, the driver, then a line per quarantined unit (the first `QUARANTINED_SHOWN` of a stage)."""
    yield f"run     {status.output}  config {status.config_hash[:12]}"
    fit = f"fit     {'done' if status.boundary else 'to do'}"
    after_fit = next((stage.name for stage in status.stages if stage.name in ("invert", "pilot", "mask")), None)
    for stage in status.stages:
        if stage.name == after_fit:
            yield fit
        yield _stage_line(stage)
        if stage.name == "pilot":
            yield f"student {'done' if status.student else 'to do'}"
    yield f"report  {'done' if status.report else 'to do'}"
    yield f"driver  {_driver(status)}"
    for stage in status.stages:
        for shard in sorted(stage.quarantined)[:QUARANTINED_SHOWN]:
            yield f"quarantined: {stage.name} shard {shard} after {stage.quarantined[shard]}"
        more = len(stage.quarantined) - QUARANTINED_SHOWN
        if more > 0:
            yield f"quarantined: {more:,} more {stage.name} shards"


def unfinished_lines(status: RunStatus) -> Iterator[str]:
    """Which shards are missing, a line per stage; then what the quarantined of them failed with."""
    for stage in status.stages:
        if stage.missing:
            named = format_spans(stage.missing, ", ", SPANS_SHOWN)
            yield f"{stage.name}: {len(stage.missing):,} of {stage.shards:,} shards are missing: {named}"
        for shard, reason in sorted(stage.quarantined.items()):
            yield f"{stage.name}: shard {shard} is quarantined after {reason}"


def duration(seconds: float) -> str:
    """95 -> "1m35s", two units at most."""
    if not math.isfinite(seconds):
        return "an unknown time"
    whole = round(seconds)
    for size, unit, smaller, small_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // smaller:02d}{small_unit}"
    return f"{whole}s"


def _stage_line(stage: StageStatus) -> str:
    made = stage.shards - len(stage.missing)
    share = 100 * stage.done // stage.total
    parts = [f"{stage.name:<7} {share:>3}%  {stage.done:,}/{stage.total:,} samples, {made:,}/{stage.shards:,} shards"]
    if stage.rate is not None:
        parts.append(f"{stage.rate:,.1f}/s")
    if stage.eta_s is not None:
        parts.append(f"{duration(stage.eta_s)} left")
    if stage.quarantined:
        parts.append(f"{len(stage.quarantined):,} quarantined")
    if stage.failures:
        parts.append(f"{stage.failures:,} failed attempts")
    return "  ".join(parts)


def _driver(status: RunStatus) -> str:
    holder = status.driver
    if holder is None:
        return "none so far"
    who = f"host {holder.host}, pid {holder.pid}"
    said = {
        "none": "",
        "running": f"running: {who}, since {holder.since}{_last_commit(status, holder)}",
        "ended": f"none; the last one ({who}) ended in good order at {holder.renewed}",
        "dead": f"none; the last one ({who}) was killed after {holder.renewed}; the same command goes on",
        "silent": (
            f"silent for {duration(holder.silent_s)}, more than its lease of {holder.lease_s:g} s: {who} is gone or "
            "cut off (or the clocks differ); the same command goes on"
        ),
    }
    return said[status.state]


def _last_commit(status: RunStatus, holder: Holder) -> str:
    """Of the stage at work: where it has made nothing yet, since when it has been trying."""
    at_work = [stage.idle_s for stage in status.stages if stage.idle_s is not None]
    if not at_work:
        return ""
    return f"; last commit {duration(max(0.0, holder.silent_s) + at_work[-1])} ago"
