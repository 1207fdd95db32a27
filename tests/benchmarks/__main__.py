"""`python -m tests.benchmarks [ROWS]`: measures, prints tables, writes JSON with --json. `-h` names the rows.

Everything runs on one thread with a tuned glibc allocator, both sides of every ratio alike; the process starts itself
again with that environment. Nothing here is a test: no figure is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.gate import regressions, write_baseline
from tests.benchmarks.timing import ENVIRONMENT, SpeedRow, machine

ROWS = (
    "published",
    "dbscan",
    "pictures",
    "ray",
    "regions",
    "profile",
    "overlap",
    "start",
    "memory",
    "page",
    "masks",
    "scaling",
)


def main() -> None:
    """Measure the rows asked for."""
    options = _options()
    _restart_in(ENVIRONMENT)
    import torch
    from rich.console import Console

    torch.set_num_threads(1)
    console = Console(width=None if sys.stdout.isatty() else 210)
    found: dict[str, Any] = {"machine": machine(), "speed": []}
    speed = [row for name in options.rows if name in _speed() for row in _speed()[name](options.repeats)]
    if speed:
        console.print(_speed_table(speed))
        found["speed"] = [{**asdict(row), "median": row.median, "met": row.met} for row in speed]
    worse = regressions(speed) if options.gate else []
    if options.write_baseline:
        write_baseline(speed)
    found |= _tables(console, options.rows)
    if "masks" in options.rows:
        found["masks"] = _masks(console, options)
    if "scaling" in options.rows:
        found["scaling"] = _scaling(console)
    console.print(_machine_line(found["machine"]))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if worse:
        sys.exit("slower than the committed ratios:\n  " + "\n  ".join(worse))


def _speed() -> dict[str, Callable[[int], Iterable[SpeedRow]]]:
    from tests.benchmarks.speed import dbscan_row, generator_row, mask_rows, picture_rows

    def ray_rows(repeats: int) -> Iterable[SpeedRow]:
        from tests.benchmarks.ray_overhead import ray_rows as measure

        return measure(repeats)

    return {
        "published": mask_rows,
        "dbscan": lambda repeats: [dbscan_row(repeats)],
        "pictures": lambda repeats: [generator_row(repeats), *picture_rows(repeats)],
        "ray": ray_rows,
    }


def _tables(console: Any, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The measurements that are no ratios."""
    from tests.benchmarks import growth, operations, overlap, profiles, visitors

    known: dict[str, tuple[Callable[[], list[Any]], Callable[[list[Any]], Any]]] = {
        "regions": (growth.measure_growth, growth.growth_table),
        "profile": (profiles.measure_profiles, profiles.profile_table),
        "overlap": (overlap.measure_overlap, overlap.overlap_table),
        "start": (operations.measure_start, operations.start_table),
        "page": (visitors.measure_page, visitors.page_table),
        "memory": (operations.measure_peaks, operations.peak_table),
    }
    found = {}
    for name, (measure, draw) in known.items():
        if name in names:
            rows = measure()
            console.print(draw(rows))
            found[name] = [asdict(row) for row in rows]
    return found


def _masks(console: Any, options: argparse.Namespace) -> dict[str, Any]:
    from higan_cam.measure.tables import benchmark_text, mask_tables
    from tests.benchmarks.masks import measure_masks

    result, boundary = measure_masks(options.count, options.boundary)
    for table in mask_tables(result):
        console.print(table)
    console.print(benchmark_text(result))
    return {**result.to_json(), "boundary": dict(boundary.metrics)}


def _scaling(console: Any) -> dict[str, Any]:
    from tests.benchmarks.scaling import measure_scaling, scaling_tables
    from tests.chaos.namespace import obstacle

    if reason := obstacle():
        console.print(f"scaling: skipped, {reason}")
        return {"skipped": reason}
    result = measure_scaling()
    for table in scaling_tables(result):
        console.print(table)
    return result


def _speed_table(rows: list[SpeedRow]) -> Any:
    from rich.table import Table

    table = Table(title="Ratios of two ways to do the same, measured in turn in one run")
    for heading in ("what", "ratio", "min", "median", "max", "target", "met", "ours", "other"):
        table.add_column(heading, justify="left" if heading in ("what", "ratio") else "right")
    table.caption = "\n".join(f"{row.name}, {row.meaning}: {row.note}." for row in rows)
    table.caption_justify = "left"
    for row in rows:
        spread = (f"{value:.3g}" for value in (min(row.ratios), row.median, max(row.ratios)))
        target, met = f"{row.sense} {row.target:g}", "yes" if row.met else "no"
        table.add_row(row.name, row.meaning, *spread, target, met, _time(row.ours), _time(row.other))
    return table


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _machine_line(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"{found['processor']}, {found['cores']} cores, load {found['load_average']}; Python {found['python']}, "
        f"{versions}. CPU seconds on one thread unless a note says otherwise; both sides with a glibc that keeps freed "
        "memory (MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_ 8 GiB, MALLOC_TOP_PAD_ 256 MiB)."
    )


def _restart_in(environment: Any) -> None:
    """glibc reads its settings at the start of a process."""
    if any(os.environ.get(name) != value for name, value in environment.items()):
        command = [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **environment})  # noqa: S606 - the same program again


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure speed and mask truth.")
    parser.add_argument("rows", nargs="*", default=list(ROWS), help=f"what to measure: {', '.join(ROWS)}; default all")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--gate", action="store_true", help="fail where a ratio is worse than the committed one")
    parser.add_argument("--write-baseline", action="store_true", help="commit these ratios as the ones to compare with")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each comparison")
    parser.add_argument("--count", type=int, default=250, help="pictures for the mask truth")
    parser.add_argument("--boundary", type=Path, help="boundary of a finished run; without it one is fitted first")
    options = parser.parse_args()
    unknown = sorted(set(options.rows) - set(ROWS))
    if unknown:
        parser.error(f"unknown rows {', '.join(unknown)}; known: {', '.join(ROWS)}")
    return options


if __name__ == "__main__":
    main()
