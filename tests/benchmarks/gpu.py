"""`python -m tests.benchmarks.gpu --json out.json`: every stage on one GPU, against what the card can do. No internet.

The networks are those of HiGAN's bedrooms in shape (StyleGAN, 256 px; ResNet18, 224 px) with random weights: speed
does not depend on their values. `--device cpu --tiny` goes through the same lines with toy sizes, which shows that the
script runs and measures nothing of interest. Without a GPU, and without that, its rows say "not measured".
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from higan_cam.config import RunConfig
from higan_cam.pipeline import attribute_unit, label_unit, load_models
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.runtime.micro_batches import any_boundary
from higan_cam.runtime.workers.memory import with_micro_batch
from higan_cam.types import WorkUnit
from tests.benchmarks.gpu_run import end_to_end, write_networks
from tests.benchmarks.gpu_timing import PRECISIONS, arithmetic, seconds_of, wait, with_precision
from tests.benchmarks.gpu_ways import measure_ways, ways_table
from tests.benchmarks.timing import machine

BATCHES = (16, 32, 64, 128, 256)
SECONDS = 3.0
WAYS = (64, SECONDS, "inductor")
"""Batch, seconds and compiler for `gpu_ways`."""


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: was done; precision: of the generator; batch: samples at once.
        per_second: samples; tflops: 10^12 multiply-and-add pairs x 2 per second; share: of the measured ceiling.
        busy: share of the wall clock in which a kernel ran.
    """

    what: str
    precision: str
    batch: int
    per_second: float
    tflops: float
    share: float
    busy: float


def main() -> int:
    """Status 0, also where nothing could be measured."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 160)
    if options.device == "cuda" and not torch.cuda.is_available():
        console.print(_table([]))
        console.print("no GPU here: not measured")
        return 0
    found: dict[str, Any] = {"machine": machine(), "device": _name(options.device)}
    with tempfile.TemporaryDirectory(prefix="gpu-") as folder:
        config = write_networks(Path(folder), tiny=options.tiny)
        ceilings = measure_ceilings(options.device, 512 if options.tiny else 8192)
        rows = list(measure_stages(config, options, ceilings))
        found |= {"ceilings": ceilings, "rows": [asdict(row) for row in rows]}
        ways = list(measure_ways(config, options.device, *((4, 0.2, "aot_eager") if options.tiny else WAYS)))
        found["ways"] = [asdict(way) for way in ways]
        found["agreement"] = measure_agreement(config, options.device, 32 if options.tiny else 512)
        console.print(_table(rows))
        console.print(ways_table(ways))
        console.print(json.dumps({"ceilings": ceilings, "agreement": found["agreement"]}, indent=1))
        if not options.no_run:
            found["run"] = end_to_end(config, options.count, options.precision, Path(folder) / "run")
            console.print(json.dumps(found["run"], indent=1))
    console.print(f"{found['device']}; {found['machine']['versions']}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return 0


def measure_ceilings(device: str, side: int) -> dict[str, float]:
    """TFLOP/s of square matrix products in each precision, and GB/s read plus written by a copy."""
    found: dict[str, float] = {}
    for precision in PRECISIONS:
        with arithmetic(device, precision):
            kind = torch.bfloat16 if precision == "bfloat16" else torch.float32
            left, right = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
            found[precision] = 2 * side**3 / seconds_of(partial(torch.matmul, left, right), device, 0.5) / 1e12
    block = torch.empty(side * side * 4, device=device)
    found["copy_gb_per_s"] = 2 * block.nbytes / seconds_of(block.clone, device, 0.5) / 1e9
    return found


def measure_stages(config: RunConfig, options: argparse.Namespace, ceilings: dict[str, float]) -> Iterator[Row]:
    """Labelling and attribution by precision and batch, and what a CPU does afterwards."""
    for precision in PRECISIONS:
        chosen = with_precision(config, precision)
        with arithmetic(options.device, precision):
            models = load_models(chosen, options.device)
            boundary = any_boundary(chosen, models)
            for batch in (2, 4) if options.tiny else BATCHES:
                sized = _with_batch(chosen, batch)
                unit = WorkUnit(0, 0, batch)
                works: dict[str, Callable[[], object]] = {
                    "label: generate and score": partial(label_unit, models, sized, unit),
                    "mask: both ends, heat, pictures": partial(attribute_unit, models, sized, boundary, unit),
                }
                for what, work in works.items():
                    yield _measured(what, precision, batch, work, options, ceilings[precision])
    batch = 4 if options.tiny else 64
    heat = attribute_unit(models, _with_batch(chosen, batch), boundary, WorkUnit(0, 0, batch))
    scorer = load_models(chosen).scorer
    began = time.perf_counter()
    mask_samples(scorer, chosen, heat)
    seconds = time.perf_counter() - began
    yield Row("mask: regions, figures, words (CPU)", "float32", batch, batch / seconds, 0.0, 0.0, 0.0)


def measure_agreement(config: RunConfig, device: str, count: int) -> dict[str, dict[str, float]]:
    """How far each precision's scores and pictures are from float32's: rank correlation, |difference|, PSNR."""
    from scipy.stats import spearmanr

    seen: dict[str, tuple[np.ndarray, Tensor]] = {}
    for precision in PRECISIONS:
        with arithmetic(device, precision):
            chosen = with_precision(config, precision)
            models = load_models(chosen, device)
            scores = label_unit(models, chosen, WorkUnit(0, 0, count))[1]
            z = torch.randn(16, models.generator.z_dim, generator=torch.Generator().manual_seed(0)).to(device)
            with torch.inference_mode():
                codes = models.generator.truncate(models.generator.map(z))
                seen[precision] = scores, models.generator.synthesize(codes)[0].clamp(-1, 1).cpu()
    fine_scores, fine = seen["float32"]
    return {
        precision: {
            "spearman": float(spearmanr(scores, fine_scores).statistic),
            "largest_score_change": float(np.abs(scores - fine_scores).max()),
            "mean_score_change": float(np.abs(scores - fine_scores).mean()),
            "psnr_db": float(-10 * torch.log10(((image - fine) / 2).square().mean().clamp(min=1e-12))),
        }
        for precision, (scores, image) in seen.items()
    }


def _measured(
    what: str, precision: str, batch: int, work: Callable[[], object], options: argparse.Namespace, ceiling: float
) -> Row:
    with FlopCounterMode(display=False) as counter:
        work()
    seconds = seconds_of(work, options.device, 0.2 if options.tiny else SECONDS)
    tflops = counter.get_total_flops() / seconds / 1e12
    return Row(what, precision, batch, batch / seconds, tflops, tflops / ceiling, _busy(work, options.device))


def _busy(work: Callable[[], object], device: str) -> float:
    """Share of the wall clock in which a kernel ran, over five calls; 0 on a CPU."""
    if device != "cuda":
        return 0.0
    from torch.profiler import ProfilerActivity, profile

    wait(device)
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        began = time.perf_counter()
        for _ in range(5):
            work()
        wait(device)
        wall = time.perf_counter() - began
    busy = float(sum(event.self_device_time_total for event in seen.key_averages()))
    return busy / 1e6 / wall


def _with_batch(config: RunConfig, batch: int) -> RunConfig:
    return with_micro_batch(with_micro_batch(config, "label", batch), "mask", batch)


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def _table(rows: list[Row]) -> Table:
    table = Table(title="Stages on one GPU, 256 px")
    for heading in ("what", "precision", "batch", "samples/s", "TFLOP/s", "of ceiling", "busy"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for row in rows or [Row("label", "float32", 0, 0, 0, 0, 0), Row("mask", "float32", 0, 0, 0, 0, 0)]:
        known = row.per_second > 0
        cells = (f"{row.per_second:.0f}", f"{row.tflops:.1f}", f"{row.share:.0%}", f"{row.busy:.0%}")
        table.add_row(row.what, row.precision, str(row.batch), *(cells if known else ("not measured",) * 4))
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="toy sizes, to see that the script runs")
    parser.add_argument("--count", type=int, default=50_000, help="latents to label and masks to make, end to end")
    parser.add_argument("--precision", choices=PRECISIONS, default="bfloat16", help="of the run end to end")
    parser.add_argument("--no-run", action="store_true", help="stages alone, no run end to end")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
