"""`python -m tests.benchmarks.exports RUN FOLDER`: peak memory of `higan-cam export`, few samples against many.

RUN is any finished run; its samples are repeated under new numbers until there are enough. Each export is the command
itself in a process of its own, and its peak resident memory is the kernel's figure for that process. The exports are
removed again, the repeated runs in FOLDER stay for the next call.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

FORMATS = ("controlnet", "inpainting", "instruct-pix2pix", "webdataset", "imagefolder", "kohya", "coco")
SHARD = 16
"""Samples in a shard: fewer than RUN has, since compression would notice a picture that repeats."""


@dataclass(frozen=True)
class Measured:
    """One export: what it wrote (bytes and files), and what it took (seconds, peak resident bytes)."""

    name: str
    samples: int
    files: int
    size: int
    seconds: float
    peak: int


def main() -> None:
    """Measure the formats asked for, and print a Markdown table."""
    options = _options()
    if options.repeat:
        repeat_run(options.run, options.folder, options.counts[0])
        return
    found = []
    for count in options.counts:
        # A process of its own: a child's peak counts from its parent's size on, and this one stays small.
        again = [sys.executable, "-m", "tests.benchmarks.exports", "--repeat", "--counts", str(count)]
        subprocess.run([*again, "--", options.run, str(options.folder)], check=True)
        found += [measure(_repeated(options.folder, count), options.folder / "out", name) for name in options.formats]
        print("\n".join(row_of(one) for one in found[-len(options.formats) :]), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")


def measure(run: Path, target: Path, name: str) -> Measured:
    """Export a run with the command, weigh what came of it, and remove it.

    Raises:
        RuntimeError: the command failed.
    """
    shutil.rmtree(target, ignore_errors=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "higan_cam", "export", str(run), "--to", name, str(target)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    if child.returncode:
        raise RuntimeError(f"export --to {name} ended with {child.returncode}")
    ledger = [json.loads(path.read_text()) for path in (target / ".higan-cam").glob("shard-*.json")]
    files = [path.stat().st_size for path in target.rglob("*") if path.is_file() and ".higan-cam" not in path.parts]
    shutil.rmtree(target)
    # Linux counts ru_maxrss in KiB.
    return Measured(
        name, sum(entry["samples"] for entry in ledger), len(files), sum(files), seconds, usage.ru_maxrss * 1024
    )


def row_of(one: Measured) -> str:
    """A row of the Markdown table: format, samples, files, GB, seconds, samples per second, peak MB."""
    cells = [one.name, f"{one.samples:,}", f"{one.files:,}", f"{one.size / 1e9:.2f}", f"{one.seconds:.0f}"]
    return f"| {' | '.join([*cells, f'{one.samples / one.seconds:.0f}', f'{one.peak / 1e6:.0f}'])} |"


def repeat_run(uri: str, folder: Path, count: int) -> None:
    """A finished run of `count` samples in `folder`, made of another's samples with a mask; one that is there stays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from higan_cam.config import config_hash, parse_config
    from higan_cam.publish import plan_splits
    from higan_cam.publish.dataset import write_parquet
    from higan_cam.publish.exports.source import open_source
    from higan_cam.store import begin_run, commit_shard, open_store
    from higan_cam.store.keys import shard_path
    from higan_cam.store.manifest import committed

    source = open_source(open_store(uri))
    mask = {**source.config["mask"], "count": count, "shard_size": SHARD}
    label = {**source.config["label"], "count": max(count, source.config["label"]["count"])}
    config = parse_config({**source.config, "label": label, "mask": mask})
    target = open_store(_repeated(folder, count))
    begin_run(target, config, source.run["weights"])
    there = committed(target, "data", config_hash(config))
    files = [pq.read_table(io.BytesIO(source.store.get(shard.record.path))) for shard in source.shards]
    rows = pa.concat_tables(files)
    rows = rows.filter(pa.compute.equal(rows["status"], "ok"))
    for shard, place in enumerate(plan_splits(-(-count // SHARD), config.publish)):
        if shard in there:
            continue
        numbers = range(shard * SHARD, min(count, (shard + 1) * SHARD))
        table = rows.take([number % rows.num_rows for number in numbers])
        for name, values in (("id", [f"{number:09d}" for number in numbers]), ("index", numbers)):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))
        commit_shard(
            target,
            stage="data",
            shard=shard,
            path=shard_path(*place),
            body=write_parquet(table, config.publish.row_group),
            rows=len(numbers),
            config_hash=config_hash(config),
        )
    target.put("README.md", source.card.encode())


def _repeated(folder: Path, count: int) -> Path:
    return folder / f"run-{count}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.exports", description=__doc__)
    parser.add_argument("run", help="folder or URI of a finished run")
    parser.add_argument("folder", type=Path, help="where to work; the repeated runs stay there")
    parser.add_argument("--counts", type=int, nargs="+", default=[2000, 20000], help="samples per export")
    parser.add_argument("--formats", nargs="+", default=FORMATS, choices=FORMATS)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--repeat", action="store_true", help="only make the repeated run of the first count")
    return parser.parse_args()


if __name__ == "__main__":
    main()
